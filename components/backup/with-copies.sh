#!/usr/bin/env bash
#
# Runs scheduler.sh, and beside it, within a minute of each backup, whoever made it, copies it off the machine (where
# RESTIC_REPOSITORY is set), and exports masked rows (MASKED_RULES); and looks after the archive of the database's log, where there
# is one (ARCHIVE). Of copies and of the log it makes the drills that are due (drill.sh). A service that is away or slow, or a rule
# that is missing, holds no backup up; after a failure it is tried again every ten minutes, a drill when drill.sh says.
set -euo pipefail

: "${BACKUPS:?}"
HERE=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
RETRY=${RETRY:-600}
DRILL_RETRY=${DRILL_RETRY:-60}
COPY_SECONDS=${COPY_SECONDS:-30}
TEND_SECONDS=${TEND_SECONDS:-15}

# start WHAT: in the place of this shell.
start() {
  case $1 in
    copies) exec bash "$HERE/offsite.sh" push ;;
    drill-*) exec bash "$HERE/drill.sh" run "${1#drill-}" ;;
    exports) exec bash "$HERE/masked.sh" export ;;
  esac
}

due() {
  case $1 in
    copies) bash "$HERE/offsite.sh" due ;;
    drill-*) bash "$HERE/drill.sh" due "${1#drill-}" ;;
    exports) bash "$HERE/masked.sh" due ;;
  esac
}

# whenever WHAT PAUSE: does what is due, for ever; after a failure with a pause.
whenever() {
  local pause waiting=''
  trap 'kill $waiting 2>/dev/null; exit 143' TERM
  while :; do
    pause=$COPY_SECONDS
    if due "$1"; then
      start "$1" &
      waiting=$!
      wait "$waiting" || pause=$2
    fi
    sleep "$pause" &
    waiting=$!
    wait "$waiting" || true
  done
}

# archive: a round every few seconds, for ever: most have nothing to do. A server that was started is seen whatever else fails, and
# is tended at once: it may be what the round before had missed, or another cluster, of which nothing leaves the machine yet.
archive() {
  local waiting='' next=0 awake='' started
  trap 'kill $waiting 2>/dev/null; exit 143' TERM
  while :; do
    bash "$HERE/archive.sh" wake || true
    started=$(cat "$BACKUPS/archive-awake" 2>/dev/null || true)
    if [[ $started != "$awake" ]]; then awake=$started next=0; fi
    if (($(date +%s) >= next)); then
      bash "$HERE/archive.sh" tend &
      waiting=$!
      wait "$waiting" || next=$(($(date +%s) + RETRY))
    fi
    sleep "$TEND_SECONDS" &
    waiting=$!
    wait "$waiting" || true
  done
}

main() {
  rm -rf "$BACKUPS"/{offsite-running,archive-running,.moment,.outgoing,.offsite,masked-running,.masked,.masking,.drill} # of a run that was cut short
  touch "$BACKUPS"/drill-{copies,log}-anew # what failed before this container was may be well in it: it is tried before it is told
  rm -f "$BACKUPS"/masked-{failure.json,refused} # the rules may be others now
  bash "$HERE/scheduler.sh" &
  if [[ -n ${RESTIC_REPOSITORY:-} ]]; then
    whenever copies "$RETRY" &
    whenever drill-copies "$DRILL_RETRY" &
  fi
  if [[ -n ${MASKED_RULES:-} ]]; then whenever exports "$RETRY" & fi
  if [[ -n ${ARCHIVE:-} ]]; then
    archive &
    whenever drill-log "$DRILL_RETRY" &
  fi
  # shellcheck disable=SC2046 # several of them
  trap 'kill $(jobs -p) 2>/dev/null; wait; exit 143' TERM
  wait -n # none ends by itself; without one of them the others are not enough
}

main "$@"
