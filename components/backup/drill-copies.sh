#!/usr/bin/env bash
#
# The drill of the copies: all databases come from the bucket into a folder of their own, and into a cluster of their own
# (scratch.sh), together; what is here is not looked at, neither dumps nor the server. There each table must hold what it held
# when it was dumped. To be sourced, by drill.sh.
#
# It has the copies while it fetches: what else needs them waits so long.
# shellcheck disable=SC2034 # used by drill.sh

: "${DATABASES:?}" "${DRILL_COPIES_DAYS:?}"
DRILL_DAYS=$DRILL_COPIES_DAYS PARTS=(fetch restore check)

# made: whether there is one to restore.
made() { [[ -n $(sed -n 's/.*"name": "\([^"]*\)".*/\1/p' "$BACKUPS/offsite.json" 2>/dev/null) ]]; }

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
  UNTIL=$(moment "$NAME")
  fact rpo_seconds "$((BEGAN - $(date -d "$UNTIL" +%s)))"
  room_for "the dumps of $NAME" "$((bytes / 1048576 + 1))" || fail "$(cat "$WORK/room")"
  say "fetching $NAME, $bytes bytes"
  progress "fetching" "$FOLDER" "$((bytes / 1048576 + 1))" 7>&- 8>&- &
  WATCH=$!
  # shellcheck disable=SC2086 # several words
  BACKUPS=$FOLDER bash "$HERE/offsite.sh" fetch "$NAME" $DATABASES 2>"$WORK/said" || refused
  stop_watch
  exec 8>&-
}

moment() { sed -E 's/^(.{10})T(..)(..)(..)Z.*/\1 \2:\3:\4+00/' <<<"$1"; }

rebuild() {
  local database mb=0
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

# compare DATABASE: with what was dumped.
compare() {
  differing "$FOLDER/$1/$NAME.content" "$WORK/restored" >"$WORK/differences"
  [[ ! -s $WORK/differences ]] || {
    cat "$WORK/differences" >&2
    fail "$1: what was restored is not what was dumped: $(head -n 1 "$WORK/differences")"
  }
}
