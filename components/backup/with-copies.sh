#!/usr/bin/env bash
#
# Runs scheduler.sh, and beside it copies each backup off the machine within a minute, whoever made it. A service that is away
# or slow holds no backup up; after a failure the copy is tried again, every ten minutes.
set -euo pipefail

: "${BACKUPS:?}"
HERE=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
RETRY=${RETRY:-600}
COPY_SECONDS=${COPY_SECONDS:-30}

# copies: of what has none yet, for ever.
copies() {
  local pause waiting=''
  trap 'kill $waiting 2>/dev/null; exit 143' TERM
  while :; do
    pause=$COPY_SECONDS
    if bash "$HERE/offsite.sh" due; then
      bash "$HERE/offsite.sh" push &
      waiting=$!
      wait "$waiting" || pause=$RETRY
    fi
    sleep "$pause" &
    waiting=$!
    wait "$waiting" || true
  done
}

main() {
  rm -rf "$BACKUPS"/{offsite-running,.outgoing,.offsite} # of a run that was cut short
  bash "$HERE/scheduler.sh" &
  copies &
  # shellcheck disable=SC2046 # two of them
  trap 'kill $(jobs -p) 2>/dev/null; wait; exit 143' TERM
  wait -n # neither ends by itself; without one of them the other is not enough
}

main "$@"
