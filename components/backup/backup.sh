#!/usr/bin/env bash
#
# Makes one backup of each database in DATABASES, and prunes the old ones.
#
#   backup.sh [scheduled|release|manual]
#
# A dump counts once it was proven: restored in a cluster of the backup's own (scratch.sh), where each table must hold what
# it held in the snapshot that was dumped (content.sh). BACKUPS/DATABASE then has STAMP-KIND.dump, STAMP-KIND.content with what
# it holds, and STAMP-KIND.json with its checksum and sizes; of what could not be proven STAMP-KIND.unproven, and
# STAMP-KIND.reason with the reason in one line.
# BACKUPS/status.json says when all databases last had one that counts, BACKUPS/failure.json why a later run had not.
#
# Where from is in PGHOST, PGUSER and PGPASSWORD. A backup before a release, whose image is named in the file `release` beside
# this one, is left out where it could break nothing: it has migrated these data before, or there are none. Where the database's
# log is archived, a name for that moment is enough, once the log up to it is off the machine: BACKUPS/points has it.
# shellcheck source-path=SCRIPTDIR
set -euo pipefail

: "${BACKUPS:?}" "${DATABASES:?}"
HERE=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
. "$HERE/postgres.sh"
. "$HERE/scratch.sh"
. "$HERE/content.sh"
. "$HERE/log.sh"
. "$HERE/retention.sh"
POINT_SECONDS=${POINT_SECONDS:-60} # for the log before a release

# back_up DATABASE NAME: prints what the dump holds. Runs in a subshell: each failure is of one database.
back_up() {
  local database=$1 file=$BACKUPS/$1/$2 started=$SECONDS snapshot size_mb sum proven
  mkdir -p "$BACKUPS/$database"
  rm -f "$BACKUPS/$database"/*.partial # of a run that was cut short
  # shellcheck disable=SC2064 # the values of now
  trap "stop_watch; end_scratch; rm -f '$file.partial'" EXIT

  # A session that stays open keeps the snapshot that the dump and the comparison share. What is written to one that was
  # refused must not end this script, which then would not say why.
  trap '' PIPE
  coproc HOLDER { sql --field-separator=' ' --dbname="$database" 2>"$WORK/refusal" 9>&-; }
  # shellcheck disable=SC2153 # set by coproc
  local holder=$HOLDER_PID to=${HOLDER[1]} from=${HOLDER[0]}
  printf 'begin isolation level repeatable read, read only;\nselect pg_export_snapshot();\nselect pg_database_size(%s) >> 20;\n' \
    "current_database()" >&"$to" || true
  read -r -t 60 snapshot <&"$from" ||
    fail "$database: the server gave no snapshot: $(grep . "$WORK/refusal" || echo 'no answer within 60 s')"
  read -r size_mb <&"$from"
  room_for "the dump of $database, a database of $size_mb MB" "$(dump_mb "$database" "$size_mb")" ||
    fail "$(cat "$WORK/room")"

  progress "$database: dumping" "$file.partial" "$size_mb" running 9>&- &
  WATCH=$!
  printf '\\o %s\n%s\n\\o\n' "$WORK/before" "$SEQUENCES" >&"$to" || true
  pg_dump --dbname="$database" --format=custom --snapshot="$snapshot" --lock-wait-timeout=60s --file="$file.partial" \
    2>"$WORK/complaints" || fail "$database: it could not be dumped: $(cat "$WORK/refusal" "$WORK/complaints" | first_error -)"
  sync "$file.partial"
  sum=$(sha256sum <"$file.partial") # before it is proven: what is proven is what has this sum
  # Its own connection reads on while the trial begins.
  printf '\\o %s\n%s\n\\o %s\n%s\n\\o %s\n%s\n\\o %s\ncommit;\n\\q\n' "$WORK/after" "$SEQUENCES" "$WORK/rebuilt" "$REBUILT" \
    "$WORK/expected" "$TABLES" "$WORK/read" >&"$to" || true
  stop_watch

  set +e # in `if` and beside `||` bash would go on after an error
  (
    set -e
    prove "$database" "$file.partial" "$size_mb" "$holder"
  )
  proven=$?
  set -e
  if ((proven == 0)); then
    mv "$WORK/expected" "$file.content"
    printf '{"sha256": "%s", "bytes": %s, "database_mb": %s}\n' "${sum%% *}" "$(stat -c %s "$file.partial")" "$size_mb" |
      whole "$file.json"
    mv "$file.partial" "$file.dump"
    sync "$BACKUPS/$database"
    say "$database: $(stat -c %s "$file.dump") bytes, $(grep -c '^table ' "$file.content" || true) tables," \
      "$(awk '$1 == "table" {rows += $3} END {print rows + 0}' "$file.content") rows," \
      "restored and compared in $((SECONDS - started)) s$(sed 's/^/; not compared: /' "$WORK/rebuilt")"
    return
  fi
  [[ -s $WORK/reason ]] || echo "$database: its proof ended without a word; the backup's log has more" >"$WORK/reason"
  cp "$WORK/reason" "$file.reason"
  mv "$file.partial" "$file.unproven"
  sync "$BACKUPS/$database"
  say "$database: the dump is kept as $file.unproven" >&2
  return 1
}

# prove DATABASE DUMP SIZE_MB HOLDER: restores it, and compares it with what the process HOLDER writes down meanwhile.
prove() {
  local database=$1 dump=$2
  room_for "the trial restore of $database" "$(($3 * 5 / 4 + 300))" || fail "$(cat "$WORK/room")"
  write_roles
  start_scratch
  progress "$database: restoring on trial" "$SCRATCH/data/base" "$3" running 9>&- &
  WATCH=$!
  trap 'stop_watch; end_scratch' EXIT
  fill_scratch "$database" "$dump"
  read_back "$database"
  sql --field-separator=' ' --dbname="$database" --command="$SEQUENCES" >"$WORK/sequences"
  until [[ -e $WORK/read ]]; do # it is a child of another shell, which alone could wait for it
    if ! kill -0 "$4" 2>/dev/null || grep -q -E 'error:|ERROR:|FATAL:' "$WORK/refusal"; then
      fail "$database: its rows could not be read: $(first_error "$WORK/refusal")"
    fi
    sleep 0.1
  done
  {
    differing "$WORK/expected" "$WORK/restored"
    strayed "$WORK/before" "$WORK/after" "$WORK/sequences"
  } >"$WORK/differences"
  [[ ! -s $WORK/differences ]] || {
    cat "$WORK/differences" >&2
    fail "$database: what was restored is not what was dumped: $(head -n 1 "$WORK/differences")"
  }
}

# dump_mb DATABASE SIZE_MB: the room that its dump may take: half more than the last one took, else all that the database has.
dump_mb() {
  local last
  last=$(find "$BACKUPS/$1" -maxdepth 1 -name '*.dump' -printf '%f %s\n' | sort | tail -n 1)
  if [[ -n $last ]]; then echo "$((${last##* } * 3 / 2 / 1048576 + 16))"; else echo "$2"; fi
}

# needless: whether a release has nothing to be afraid of.
needless() {
  local known release
  release=$(cat "$HERE/release" 2>/dev/null || true)
  known=$(sql --dbname="${DATABASES%% *}" --command="select coalesce(current_setting('jira_plus_plus.release', true), '')") || return 1
  if [[ -n $release && $known == "$release" ]]; then
    say "$release has migrated these data before: no backup is needed"
  elif [[ -z $(sql --dbname="${DATABASES%% *}" --command="
      select 1 from pg_catalog.pg_tables where schemaname not in ('pg_catalog', 'information_schema') limit 1") ]]; then
    say "the database is empty: no backup is needed"
  else
    return 1
  fi
}

# pointed NAME: whether the moment can be had back from the archive, under that name.
pointed() {
  local cluster moment
  cluster=$(identity) || return 1
  grep -q "\"cluster\": \"$cluster\"" "$BACKUPS/archive.json" 2>/dev/null || return 1
  [[ ! -e $BACKUPS/archive-gap ]] || return 1
  moment=$(sql --field-separator=' ' --command="
    select extract(epoch from clock_timestamp()), pg_catalog.pg_create_restore_point('$1')") || return 1
  close_log "$POINT_SECONDS" || {
    say "the log did not leave the machine within $POINT_SECONDS s: a dump is made instead"
    return 1
  }
  echo "$1 ${moment% *} $cluster" >>"$BACKUPS/points"
  tail -n "$KEEP_RELEASES" "$BACKUPS/points" | whole "$BACKUPS/points"
  say "$1: the log up to this moment is off the machine, from which it can be had back"
}

main() {
  local database stamp began code reason='' kind=${1:-manual}
  [[ $kind =~ ^(scheduled|release|manual)$ ]] || fail "$kind is no kind of backup: scheduled, release or manual"
  umask 077
  if [[ $kind == release ]] && { needless || pointed "$(date -u +%FT%H%M%SZ)-release"; }; then return; fi
  alone "a backup"
  export WORK
  WORK=$(mktemp -d)
  EMPTY=$SCRATCH.empty
  rm -rf "$EMPTY" "$EMPTY.partial" # of a run that was cut short: nobody knows of which version
  # shellcheck disable=SC2064 # the values of now
  trap "rm -rf '$WORK' '$BACKUPS/running' '$EMPTY' '$EMPTY.partial'" EXIT
  began=$(date +%s)
  stamp=$(date -u -d "@$began" +%FT%H%M%SZ)
  echo "$began" >"$BACKUPS/running"
  for database in $DATABASES; do
    rm -f "$WORK"/*
    set +e
    (
      set -e
      back_up "$database" "$stamp-$kind"
    )
    code=$?
    set -e
    ((code == 0)) || reason=${reason:-$(cat "$WORK/reason" 2>/dev/null || echo "$database: its log says what")}
  done
  for database in $DATABASES; do
    [[ ! -d $BACKUPS/$database ]] || prune "$BACKUPS/$database"
  done
  if [[ -n $reason ]]; then
    printf '{"at": %s, "kind": "%s", "reason": "%s"}\n' "$(date +%s)" "$kind" "$(tr -d '\\"\n' <<<"$reason")" | whole "$BACKUPS/failure.json"
    exit 1
  fi
  printf '{"finished": %s, "started": %s, "stamp": "%s", "kind": "%s", "databases": "%s"}\n' \
    "$(date +%s)" "$began" "$stamp" "$kind" "$DATABASES" | whole "$BACKUPS/status.json"
  rm -f "$BACKUPS/failure.json"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi
