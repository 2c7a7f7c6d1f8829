#!/usr/bin/env bash
#
# Runs backup.sh each day at SCHEDULE (HH:MM, UTC), and at once if the last good backup is older than a day.
# After a failure it tries again, every ten minutes.
set -euo pipefail

: "${BACKUPS:?}" "${SCHEDULE:?}"
HERE=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
DAY=86400
RETRY=${RETRY:-600}

# next_run NOW: the next moment, in seconds of the epoch, at which it is SCHEDULE in UTC.
next_run() {
  local hour=${SCHEDULE%:*} minute=${SCHEDULE#*:} moment
  moment=$(($1 - $1 % DAY + 10#$hour * 3600 + 10#$minute * 60))
  ((moment > $1)) || moment=$((moment + DAY))
  echo "$moment"
}

last_good() { sed -n 's/.*"finished": \([0-9]*\).*/\1/p' "$BACKUPS/status.json" 2>/dev/null || true; }

main() {
  local due now last
  trap 'kill "${waiting:-0}" 2>/dev/null; exit 143' TERM
  last=$(last_good)
  now=$(date +%s)
  due=$now
  if ((${last:-0} > now - DAY)); then due=$(next_run "$now"); fi
  while :; do
    while now=$(date +%s) && ((now < due)); do
      # In short steps: the clock may be set, or the machine may have slept.
      sleep "$((due - now < 60 ? due - now : 60))" &
      waiting=$!
      wait "$waiting" || true
    done
    bash "$HERE/backup.sh" &
    waiting=$!
    now=$(date +%s)
    if wait "$waiting"; then due=$(next_run "$now"); else due=$((now + RETRY)); fi
  done
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi
