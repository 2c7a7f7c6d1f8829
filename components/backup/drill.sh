#!/usr/bin/env bash
#
# Restores the newest copy off the machine in a place that is thrown away, as if the machine were gone, and keeps what that
# showed.
#
#   drill.sh due     whether one should begin; asks nobody
#   drill.sh run     one, now; ends with 0 where all is as it should be
#   drill.sh show    the page of the last one; ends with 0 where that was good
#
# All databases come from the bucket into a folder of their own, and into a cluster of their own (scratch.sh), together; what is
# here is not looked at, neither dumps nor the server. There each table must hold what it held when it was dumped, pg_amcheck
# must find each table and each index whole, and each collation must be the one that the text was sorted by. evidence.sh keeps
# what came of it. One that was cut short leaves no evidence, and is due again.
#
# It has the copies while it fetches, and the cluster while it restores: what else needs them waits so long. The time that it
# waits itself is not counted.
# shellcheck source-path=SCRIPTDIR
set -euo pipefail

: "${BACKUPS:?}" "${DATABASES:?}" "${DRILL_DAYS:?}"
HERE=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
. "$HERE/postgres.sh"
. "$HERE/content.sh"
. "$HERE/scratch.sh"
. "$HERE/evidence.sh"
FOLDER=$BACKUPS/.drill
DAY=86400
RETRY_SECONDS=3600
DRILL_SECONDS=${DRILL_SECONDS:-21600} # after which it has failed

# due: each so many days, an hour after one that failed, and at once where the container is a new one since.
due() {
  local now last=$BACKUPS/drill.json days=$DRILL_DAYS
  now=$(date +%s)
  [[ -n $(sed -n 's/.*"name": "\([^"]*\)".*/\1/p' "$BACKUPS/offsite.json" 2>/dev/null) ]] || return 1
  [[ -e $BACKUPS/drill-awaited ]] || echo "$now" >"$BACKUPS/drill-awaited"
  if ! grep -q '"began": [0-9]' "$last" 2>/dev/null; then return 0; fi
  if grep -q '"ok": false' "$last" && { [[ -e $BACKUPS/drill-anew ]] || ((now - $(number finished "$last") >= RETRY_SECONDS)); }; then
    return 0
  fi
  # The first copy of a new stack is of an empty database, and shows little.
  ! grep -q "\"${DATABASES%% *}\": {\"tables\": 0," "$last" || days=1
  grep -q '"ok": true' "$last" && ((now - $(number began "$last") >= days * DAY))
}

# part NAME: from here on the seconds are that one's.
part() {
  fact "${PART}_seconds" "$((SECONDS - PART_BEGAN))"
  PART=$1 PART_BEGAN=$SECONDS
}

# refused: what offsite.sh said is the reason.
refused() {
  cat "$WORK/said" >&2
  fail "$(sed -n 's/.*ERROR: //p' "$WORK/said" | tail -n 1 | grep . || first_error "$WORK/said")"
}

fetch() {
  local newest bytes
  exec 8>"$BACKUPS/.offsite.lock" # what is pruned meanwhile could not be fetched
  until flock --wait "$PROGRESS_SECONDS" 8; do say "copies are being made; the drill waits for them"; done
  part fetch
  bash "$HERE/offsite.sh" newest >"$WORK/newest" 2>"$WORK/said" || refused
  read -r newest bytes <"$WORK/newest"
  NAME=$newest
  fact name "$(quoted "$NAME")"
  fact bytes "$bytes"
  fact rpo_seconds "$((BEGAN - $(date -d "$(moment "$NAME")" +%s)))"
  room_for "the dumps of $NAME" "$((bytes / 1048576 + 1))" || fail "$(cat "$WORK/room")"
  say "fetching $NAME, $bytes bytes"
  progress "fetching" "$FOLDER" "$((bytes / 1048576 + 1))" 7>&- 8>&- &
  WATCH=$!
  # shellcheck disable=SC2086 # several words
  BACKUPS=$FOLDER bash "$HERE/offsite.sh" fetch "$NAME" $DATABASES 2>"$WORK/said" || refused
  stop_watch
  exec 8>&-
}

moment() { sed -E 's/^(.{10})T(..)(..)(..)Z.*/\1 \2:\3:\4 UTC/' <<<"$1"; }

restore() {
  local database mb=0
  part wait
  alone "a drill"
  part restore
  for database in $DATABASES; do
    mb=$((mb + $(sed -n 's/.*"database_mb": \([0-9]*\).*/\1/p' "$FOLDER/$database/$NAME.json")))
  done
  room_for "the databases of $NAME" "$((mb * 5 / 4 + 300))" || fail "$(cat "$WORK/room")"
  start_scratch
  progress "restoring" "$SCRATCH/data/base" "$mb" 7>&- 9>&- &
  WATCH=$!
  for database in $DATABASES; do
    say "$database: restoring"
    restore_one "$database" "$FOLDER/$database/$NAME.dump"
  done
}

# restore_one DATABASE DUMP: a dump names roles, and holds none. Without the rows all that are missing are told in no time; who
# owns a large object is told with the rows.
restore_one() {
  load --schema-only "$2" || while give_roles; do
    drop "$1"
    if load --schema-only "$2"; then break; fi
  done
  drop "$1"
  until load --exit-on-error "$2"; do
    cp "$WORK/complaints" "$WORK/why"
    give_roles || fail "$1: its dump could not be restored: $(cat "$SCRATCH/full" 2>/dev/null || first_error "$WORK/why")"
    drop "$1"
  done
}

drop() { sql --command="drop database if exists \"$1\" with (force)" 2>"$WORK/complaints" || fail "$1: $(complaint)"; }

# give_roles: those that were missed; or there were none.
give_roles() {
  local role
  sed -n 's/.*ERROR:  role "\(.*\)" does not exist$/\1/p' "$WORK/complaints" | sort -u >"$WORK/missed"
  [[ -s $WORK/missed ]] || return 1
  while read -r role; do
    sql --set=role="$role" <<<'create role :"role"' || return 1
    echo "$role" >>"$WORK/roles"
  done <"$WORK/missed"
}

check() {
  local database
  part check
  for database in $DATABASES; do
    say "$database: checking"
    check_one "$database"
  done
  sql --dbname="${DATABASES%% *}" --field-separator=' ' --set=moment="$(moment "$NAME" | sed 's/ UTC/+00/')" --file=- <<<"$NEWEST" \
    >"$WORK/moments" 2>"$WORK/complaints" || fail "${DATABASES%% *}: what was restored could not be read: $(complaint)"
  LC_ALL=C sort "$WORK/moments" | tail -n 1 >"$WORK/last"
  if [[ -s $WORK/last ]]; then
    fact newest "$(quoted "$(cut -d ' ' -f 1 "$WORK/last")")"
    fact newest_in "$(quoted "$(cut -d ' ' -f 2- "$WORK/last" | sed 's/\\x20/ /g')")"
  fi
  fact postgres "$(quoted "$(sql --command='show server_version')")"
  part over
}

check_one() {
  read_back "$1"
  differing "$FOLDER/$1/$NAME.content" "$WORK/restored" >"$WORK/differences"
  [[ ! -s $WORK/differences ]] || {
    cat "$WORK/differences" >&2
    fail "$1: what was restored is not what was dumped: $(head -n 1 "$WORK/differences")"
  }
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
  end_scratch
  rm -rf "$FOLDER"
  if ((code == 143)); then
    say "the drill was cut short, and is due again"
  elif [[ -n ${BEGAN:-} ]]; then
    if keep_evidence "$code"; then rm -f "$BACKUPS/drill-anew"; else code=1; fi
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
  rm -rf "$FOLDER" # of one that was cut short
  mkdir "$FOLDER"
  fetch
  restore
  check
}

main() {
  umask 077
  case ${1:-} in
    due) due ;;
    # It has what it starts in a group of its own, and passes on to all of it what ends it.
    run) exec timeout --preserve-status --signal=USR1 --kill-after=60 "$DRILL_SECONDS" bash "$HERE/drill.sh" timed ;;
    timed) run ;;
    show) show ;;
    *) fail "${1:-nothing} is none of due, run, show" ;;
  esac
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi
