#!/usr/bin/env bash
#
# Runs scheduler.sh, and beside it, within a minute of each backup, whoever made it, copies it off the machine (where
# RESTIC_REPOSITORY is set) and exports masked rows of it (MASKED_RULES), and looks after the archive of the database's log, where
# there is one (ARCHIVE). A service that is away or slow, or a rule that is
# missing, holds no backup up; after a failure it is tried again, every ten minutes.
set -euo pipefail

: "${BACKUPS:?}"
HERE=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
RETRY=${RETRY:-600}
COPY_SECONDS=${COPY_SECONDS:-30}
TEND_SECONDS=${TEND_SECONDS:-15}

due() {
  case $1 in
    copies) bash "$HERE/offsite.sh" due ;;
    exports) bash "$HERE/masked.sh" due ;;
  esac
}

# after_backups WHAT: makes them when they are due, for ever.
after_backups() {
  local pause waiting=''
  trap 'kill $waiting 2>/dev/null; exit 143' TERM
  while :; do
    pause=$COPY_SECONDS
    if due "$1"; then
      case $1 in
        copies) bash "$HERE/offsite.sh" push & ;;
        exports) bash "$HERE/masked.sh" export & ;;
      esac
      waiting=$!
      wait "$waiting" || pause=$RETRY
    fi
    sleep "$pause" &
    waiting=$!
    wait "$waiting" || true
  done
}

# archive: a round every few seconds, for ever: most have nothing to do.
archive() {
  local waiting=''
  trap 'kill $waiting 2>/dev/null; exit 143' TERM
  while :; do
    bash "$HERE/archive.sh" tend &
    waiting=$!
    if wait "$waiting"; then sleep "$TEND_SECONDS" & else sleep "$RETRY" & fi
    waiting=$!
    wait "$waiting" || true
  done
}

main() {
  rm -rf "$BACKUPS"/{offsite-running,archive-running,.moment,.outgoing,.offsite,masked-running,.masked,.masking} # of a run that was cut short
  rm -f "$BACKUPS"/masked-{failure.json,refused} # the rules may be others now
  bash "$HERE/scheduler.sh" &
  if [[ -n ${RESTIC_REPOSITORY:-} ]]; then after_backups copies & fi
  if [[ -n ${MASKED_RULES:-} ]]; then after_backups exports & fi
  if [[ -n ${ARCHIVE:-} ]]; then archive & fi
  # shellcheck disable=SC2046 # several of them
  trap 'kill $(jobs -p) 2>/dev/null; wait; exit 143' TERM
  wait -n # none ends by itself; without one of them the others are not enough
}

main "$@"
