#!/bin/sh
#
# What a machine tells of itself and of a stack on it. It reads, and changes nothing. Each part begins with a line `== NAME`.
#
#   sh -s -- STACK [BACKUPS DATA]
#
# BACKUPS and DATA: the folders of a server's, which its root reads; without them both are in Docker's volumes.
set -u

stack=$1 backups=${2-} data=${3-}
limit=
if command -v timeout >/dev/null; then limit="timeout 4"; fi # a Docker that hangs
part() { printf '== %s\n' "$1"; }
of_stack() { $limit docker ps --quiet --no-trunc --filter "label=jira-plus-plus.stack=$stack" "$@" 2>/dev/null; }

# used ID PID: the bytes of a container that cannot be had back, as `docker stats` counts them, which takes two seconds.
used() {
  own=$(sed -n 's/^0:://p; s/^[0-9]*:memory://p' "/proc/$2/cgroup" 2>/dev/null | tail -n 1)
  for folder in /sys/fs/cgroup /sys/fs/cgroup/memory; do
    for group in "${own:-/none}" "/system.slice/docker-$1.scope" "/docker/$1"; do
      for file in memory.current memory.usage_in_bytes; do
        if [ "$group" = / ] || [ ! -r "$folder$group/$file" ]; then continue; fi
        kept=$(sed -n 's/^total_inactive_file //p; s/^inactive_file //p' "$folder$group/memory.stat" | tail -n 1)
        echo "$1 $(($(cat "$folder$group/$file") - ${kept:-0}))"
        return
      done
    done
  done
}

# What the backups note of themselves: a line each, NAME CONTENT.
# shellcheck disable=SC2016 # another shell's
notes='
  cd "$1" 2>/dev/null || exit 0
  for file in *.json archive-gap offsite-damaged drill-copies-awaited drill-log-awaited; do
    [ ! -f "$file" ] || echo "$file $(tr "\n" " " <"$file")"
  done
  [ -z "$2" ] || find "$2/pg_wal/archive_status" -name "*.ready" -printf "%T@\n" 2>/dev/null | sort -n | sed -n "1s/^/waiting /p"
'

part docker
if ids=$(of_stack --all); then
  # shellcheck disable=SC2086 # each a word
  found=$([ -z "$ids" ] || $limit docker inspect $ids 2>/dev/null)
  printf '%s\n' "$found"
  part images
  images=$(printf '%s\n' "$found" | sed -n 's/^        "Image": "\(sha256:[^"]*\)",*$/\1/p' | sort -u)
  # shellcheck disable=SC2086
  [ -z "$images" ] || $limit docker image inspect --format '{{.Id}} {{json .RepoDigests}}' $images 2>/dev/null
  part memory
  printf '%s\n' "$found" | sed -n 's/^        "Id": "\([^"]*\)",*$/\1/p; s/^            "Pid": \([0-9]*\),*$/\1/p' | while read -r id && read -r pid; do
    [ "$pid" -eq 0 ] || used "$id" "$pid"
  done
  if printf '%s\n' "$found" | grep -q "\"/jira-$stack-alertmanager\""; then
    part alerts
    $limit docker exec "jira-$stack-alertmanager" wget -q -O - http://127.0.0.1:9093/api/v2/alerts 2>&1
    echo
  fi
else
  part silent
fi

part notes
if [ -n "$backups" ]; then
  sudo -n sh -c "$notes" sh "$backups" "$data/postgres"
else
  backup=$(of_stack --filter label=jira-plus-plus.service=backup)
  [ -z "$backup" ] || $limit docker exec "$backup" sh -c "$notes" sh /backups ''
fi

part machine
echo "now $(date +%s)"
echo "cores $(nproc 2>/dev/null)"
sed 's/^/load /' /proc/loadavg 2>/dev/null
sed 's/^/uptime /' /proc/uptime 2>/dev/null
sed -n 's/^\(MemTotal\|MemAvailable\|SwapTotal\|SwapFree\): *\([0-9]*\) kB/\1 \2/p' /proc/meminfo 2>/dev/null
if [ -n "$backups" ]; then
  [ ! -e /run/reboot-required ] || echo "reboot $(sort -u /run/reboot-required.pkgs 2>/dev/null | tr '\n' ' ')"
  systemctl list-units --failed --plain --no-legend 2>/dev/null | sed 's/^\([^ ]*\).*/failed \1/'
fi

part disks
# shellcheck disable=SC2086 # none, or two
df -P -k / $data $backups 2>/dev/null | sed 1d | sort -u
