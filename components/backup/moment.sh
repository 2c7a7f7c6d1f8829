#!/usr/bin/env bash
#
# Makes dumps of databases as they were at a moment: a cluster of the archive is made again (replay.sh), beside the dumps, and is
# dumped and thrown away. What is restored from is then a dump as any other.
#
#   moment.sh CLUSTER TARGET NAME DATABASE...
#
# TARGET is a moment such as `2026-11-28 03:00:00+00`, or `newest`. BACKUPS/DATABASE then has NAME.dump, NAME.content and NAME.json, as backup.sh
# makes them.
# shellcheck source-path=SCRIPTDIR
set -euo pipefail

: "${BACKUPS:?}" "${ARCHIVE:?}"
HERE=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
PROGRESS_SECONDS=${PROGRESS_SECONDS:-10} # somebody looks on
CLUSTER=$1 TARGET=$2 NAME=$3
shift 3
. "$HERE/postgres.sh"
. "$HERE/content.sh"
. "$HERE/log.sh"
. "$HERE/repository.sh"
. "$HERE/scratch.sh"
SCRATCH=$BACKUPS/.moment # beside a trial
. "$HERE/replay.sh"
CLOSE_SECONDS=${CLOSE_SECONDS:-60}

# close: the log of the cluster that serves, if it is that one, so that a moment just now is in the archive.
# shellcheck disable=SC2030,SC2031 # nowhere else is meant
close() (
  [[ $TARGET != newest && -S $PGBACKREST_PG1_SOCKET_PATH/.s.PGSQL.5432 ]] || return 0
  export PGHOST=$PGBACKREST_PG1_SOCKET_PATH PGPORT=5432 PGUSER=backup
  [[ $(identity 2>"$WORK/complaints") == "$CLUSTER" ]] || return 0
  close_log "$CLOSE_SECONDS" || fail "the log of the last moments does not leave the machine: docs/runbook.md, The log off the machine"
)

fetch() {
  local bytes mb
  newest_backup || fail "there is no backup of the cluster $CLUSTER off the machine"
  read -r _ bytes _ <"$WORK/newest"
  mb=$((bytes / 1048576))
  # Its files, its log and the dumps.
  room_for "the cluster as it was" "$((mb * 3 / 2 + 300))" || fail "$(cat "$WORK/room")"
  fetch_cluster "$mb"
}

# dump DATABASE
dump() {
  local database=$1 file=$BACKUPS/$1/$NAME sum
  mkdir -p "$BACKUPS/$database"
  [[ $(sql --command="select count(*) from pg_catalog.pg_database where datname = '$database'") == 1 ]] ||
    fail "$database: there was no such database then"
  progress "$database: dumped" "$file.partial" "" 9>&- &
  WATCH=$!
  pg_dump --dbname="$database" --format=custom --file="$file.partial" 2>"$WORK/complaints" ||
    fail "$database: it could not be dumped: $(complaint)"
  sql --field-separator=' ' --dbname="$database" --file=- <<<"$TABLES" >"$file.content" 2>"$WORK/complaints" ||
    fail "$database: its rows could not be read: $(complaint)"
  stop_watch
  sum=$(sha256sum <"$file.partial")
  printf '{"sha256": "%s", "bytes": %s, "database_mb": %s}\n' "${sum%% *}" "$(stat -c %s "$file.partial")" \
    "$(sql --command="select pg_catalog.pg_database_size('$database') >> 20")" >"$file.json"
  sync "$file.partial"
  mv "$file.partial" "$file.dump"
  say "$database: as at ${TARGET/#newest/the end of its log}, $(stat -c %s "$file.dump") bytes, $(grep -c '^table ' "$file.content" || true) tables," \
    "$(awk '$1 == "table" {rows += $3} END {print rows + 0}' "$file.content") rows"
}

ended() {
  stop_watch
  end_scratch
  rm -rf "$WORK"
  rm -f "$BACKUPS"/*/"$NAME.partial"
}

main() {
  local database
  umask 077
  exec 9>"$BACKUPS/.moment.lock"
  flock --nonblock 9 || fail "another moment is being had back"
  export WORK
  WORK=$(mktemp -d)
  trap ended EXIT
  trap 'exit 143' TERM INT
  end_scratch # of a run that was cut short
  close
  fetch
  start_cluster
  for database in "$@"; do dump "$database"; done
}

main "$@"
