#!/usr/bin/env bash
#
# Runs backup.sh each day at SCHEDULE (HH:MM, UTC), and at once where the last time came to no good: no run was begun, or it
# was cut short. After a failure it tries again, every ten minutes.
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

# due NOW: when the next run is: NOW, unless a good backup was begun since the last time of the schedule.
due() {
  local begun next
  begun=$(sed -n 's/.*"started": \([0-9]*\).*/\1/p; t; s/.*"finished": \([0-9]*\).*/\1/p' "$BACKUPS/status.json" 2>/dev/null || true)
  next=$(next_run "$1")
  if ((${begun:-0} >= next - DAY)); then echo "$next"; else echo "$1"; fi
}

main() {
  local due now
  trap 'kill "${waiting:-0}" 2>/dev/null; exit 143' TERM
  rm -f "$BACKUPS/running" # of a run that was cut short
  due=$(due "$(date +%s)")
  while :; do
    while now=$(date +%s) && ((now < due)); do
      # In short steps: the clock may be set, or the machine may have slept.
      sleep "$((due - now < 60 ? due - now : 60))" &
      waiting=$!
      wait "$waiting" || true
    done
    bash "$HERE/backup.sh" scheduled &
    waiting=$!
    if wait "$waiting"; then due=$(next_run "$(date +%s)"); else due=$(($(date +%s) + RETRY)); fi
  done
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi
