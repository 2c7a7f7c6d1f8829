#!/usr/bin/env bash
#
# Restores what is off the machine in a place that is thrown away, as if the machine were gone, and keeps what that showed.
#
#   drill.sh due KIND    whether one should begin; asks nobody
#   drill.sh run KIND    one, now; ends with 0 where all is as it should be
#   drill.sh show KIND   the page of the last one; ends with 0 where that was good
#
# KIND is `copies`, of the newest copy of the dumps (drill-copies.sh), or `log`, of the newest backup of the cluster with its log
# (drill-log.sh). In what was restored pg_amcheck must find each table and each index whole, and each collation must be the one
# that the text was sorted by. evidence.sh keeps what came of it. One that was cut short leaves no evidence, and is due again.
#
# One drill at a time, which has the cluster from the restore on: what else needs that waits so long. The time that it waits
# itself is not counted.
# shellcheck source-path=SCRIPTDIR
set -euo pipefail

: "${BACKUPS:?}" "${DATABASES:?}"
HERE=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
. "$HERE/postgres.sh"
. "$HERE/content.sh"
. "$HERE/scratch.sh"
. "$HERE/evidence.sh"
KIND=${2:-}
LAST=$BACKUPS/drill-$KIND.json
FOLDER=$BACKUPS/.drill
DAY=86400
RETRY_SECONDS=(60 3600) # after one that failed, at least and at most
DRILL_SECONDS=${DRILL_SECONDS:-21600} # after which it has failed
case $KIND in
  copies) . "$HERE/drill-copies.sh" ;;
  log)
    . "$HERE/repository.sh"
    . "$HERE/drill-log.sh"
    . "$HERE/replay.sh"
    ;;
  *) fail "${KIND:-nothing} is none of copies, log" ;;
esac

# pause: after one that failed, ten times as long as it took: one that had no answer from a service costs nothing, and is not to be red
# for longer than that is away; one that has fetched and restored all of it is not made over and over.
pause() {
  local took
  took=$((($(number finished "$LAST") - $(number began "$LAST")) * 10))
  echo "$((took < RETRY_SECONDS[0] ? RETRY_SECONDS[0] : took > RETRY_SECONDS[1] ? RETRY_SECONDS[1] : took))"
}

# due: each so many days, after a pause where one failed, and at once where the container is a new one since.
due() {
  local now days=$DRILL_DAYS
  now=$(date +%s)
  made || return 1
  [[ -e $BACKUPS/drill-$KIND-awaited ]] || echo "$now" >"$BACKUPS/drill-$KIND-awaited"
  if ! grep -q '"began": [0-9]' "$LAST" 2>/dev/null; then return 0; fi
  if grep -q '"ok": false' "$LAST" && { [[ -e $BACKUPS/drill-$KIND-anew ]] || ((now - $(number finished "$LAST") >= $(pause))); }; then
    return 0
  fi
  # The first one of a new stack is of an empty database, and shows little.
  ! grep -q "\"${DATABASES%% *}\": {\"tables\": 0," "$LAST" || days=1
  grep -q '"ok": true' "$LAST" && ((now - $(number began "$LAST") >= days * DAY))
}

# part NAME: from here on the seconds are that one's.
part() {
  fact "${PART}_seconds" "$((SECONDS - PART_BEGAN))"
  PART=$1 PART_BEGAN=$SECONDS
}

check() {
  local database
  for database in $DATABASES; do
    say "$database: checking"
    check_one "$database"
  done
  sql --dbname="${DATABASES%% *}" --field-separator=' ' --set=moment="$UNTIL" --file=- <<<"$NEWEST" \
    >"$WORK/moments" 2>"$WORK/complaints" || fail "${DATABASES%% *}: what was restored could not be read: $(complaint)"
  LC_ALL=C sort "$WORK/moments" | tail -n 1 >"$WORK/last"
  if [[ -s $WORK/last ]]; then
    fact newest "$(quoted "$(cut -d ' ' -f 1 "$WORK/last")")"
    fact newest_in "$(quoted "$(cut -d ' ' -f 2- "$WORK/last" | sed 's/\\x20/ /g')")"
  fi
  fact postgres "$(quoted "$(sql --command='show server_version')")"
}

check_one() {
  read_back "$1"
  compare "$1"
  pg_amcheck --install-missing --heapallindexed "$1" >"$WORK/complaints" 2>&1 || {
    cat "$WORK/complaints" >&2
    fail "$1: pg_amcheck found: $(tr '\n' ' ' <"$WORK/complaints" | cut -c -300)"
  }
  sql --dbname="$1" --command="$COLLATIONS" >"$WORK/collations" 2>"$WORK/complaints" || fail "$1: $(complaint)"
  [[ ! -s $WORK/collations ]] || fail "$1: $(head -n 1 "$WORK/collations")"
  printf '%s %s %s %s\n' "$1" "$(grep -c '^table ' "$WORK/restored" || true)" \
    "$(awk '$1 == "table" {rows += $3} END {print rows + 0}' "$WORK/restored")" \
    "$(sql --dbname="$1" --command='select pg_database_size(current_database()) >> 20')" >>"$WORK/databases"
}

ended() {
  local code=$?
  stop_watch
  # What was there before is another's.
  [[ -z ${SCRATCH_SOCKET:-} ]] || end_scratch
  [[ -z ${BEGAN:-} ]] || SCRATCH=$FOLDER end_scratch
  if ((code == 143)); then
    say "the drill was cut short, and is due again"
  elif [[ -n ${BEGAN:-} ]]; then
    if keep_evidence "$code"; then rm -f "$BACKUPS/drill-$KIND-anew"; else code=1; fi
  fi
  rm -rf "$WORK"
  exit "$code"
}

run() {
  export WORK
  WORK=$(mktemp -d)
  trap ended EXIT
  trap 'exit 143' TERM INT
  trap 'fail "it was not over after $DRILL_SECONDS s"' USR1
  exec 7>"$BACKUPS/.drill.lock"
  until flock --wait "$PROGRESS_SECONDS" 7; do say "another drill is under way; this one waits for it"; done
  SECONDS=0 PART=wait PART_BEGAN=0
  BEGAN=$(date +%s)
  SCRATCH=$FOLDER end_scratch # of one that was cut short
  mkdir "$FOLDER"
  fetch
  part wait
  alone "a drill of the $KIND"
  part "${PARTS[1]}"
  rebuild
  part check
  check
  part over
}

main() {
  umask 077
  case ${1:-} in
    due) due ;;
    # It has what it starts in a group of its own, and passes on to all of it what ends it.
    run) exec timeout --preserve-status --signal=USR1 --kill-after=60 "$DRILL_SECONDS" bash "$HERE/drill.sh" timed "$KIND" ;;
    timed) run ;;
    show) show ;;
    *) fail "${1:-nothing} is none of due, run, show" ;;
  esac
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi
