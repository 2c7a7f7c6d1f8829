#!/bin/sh
#
# Restarts containers that are unhealthy and carry a label. With what willfarrell/autoheal 1.2.0 holds: BusyBox, curl, jq.
#
#   autoheal.sh DOCKER LABEL INTERVAL HEARTBEAT
#
# DOCKER: the address of Docker's API. LABEL: what a container carries (as LABEL=true) that may be restarted. INTERVAL: the
# seconds between two looks. HEARTBEAT: a file that gets the seconds since the machine's boot after each look that
# succeeded; its folder must be writable.
#
# It never ends by itself: a filter that does not answer is said once, and asked again. Each restart runs beside the
# loop, and one at a time for each container, so that a container which takes its whole grace to stop keeps no other waiting.
set -u

docker=$1 label=$2 interval=$3 heartbeat=$4
folder=${heartbeat%/*}
away=

# Longer than the longest grace: the answer to a restart comes once the container has started again.
restart_seconds=150

ask() {
  seconds=$1
  shift
  curl --silent --show-error --fail --connect-timeout 5 --max-time "$seconds" "$@"
}

unhealthy() {
  filters=$(jq -cn --arg wanted "$label=true" '{health: ["unhealthy"], label: [$wanted], status: ["running"]}') || return
  ask 10 --get --data-urlencode "filters=$filters" "$docker/containers/json"
}

# Without `t` Docker gives the container the grace that it was created with.
restart() {
  if problem=$(ask "$restart_seconds" --request POST "$docker/containers/$1/restart" 2>&1); then
    echo "$2 ($1) was unhealthy and has been restarted"
  else
    echo "$2 ($1) is unhealthy, and its restart failed: $problem"
  fi
  rmdir "$folder/restarting-$1"
}

echo "restarting what is unhealthy and labelled $label=true, looking every $interval s"
while :; do
  if list=$(unhealthy 2>&1) && sick=$(printf '%s' "$list" | jq -r '.[] | [.Id, .Names[0][1:]] | @tsv' 2>&1); then
    [ -z "$away" ] || echo "Docker answers again"
    away=
    if read -r now _ </proc/uptime; then echo "${now%.*}" >"$heartbeat"; fi
    printf '%s\n' "$sick" | while read -r id name; do
      if [ -n "$id" ] && mkdir "$folder/restarting-$id" 2>/dev/null; then restart "$id" "$name" & fi
    done
  elif [ -z "$away" ]; then
    away=yes
    echo "the containers cannot be listed: ${sick:-$list}"
  fi
  sick=
  sleep "$interval"
done
