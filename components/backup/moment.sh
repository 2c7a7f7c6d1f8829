#!/usr/bin/env bash
#
# Makes dumps of databases as they were at a moment: a cluster of the archive (archive.sh) is restored here, beside the dumps,
# replays its log up to the moment, and is dumped and thrown away. What is restored from is then a dump as any other.
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
. "$HERE/postgres.sh"
. "$HERE/content.sh"
. "$HERE/log.sh"
. "$HERE/scratch.sh"
CLOSE_SECONDS=${CLOSE_SECONDS:-60}
FOLDER=$BACKUPS/.moment
SCRATCH=$FOLDER # of which a complaint is, and not of a trial beside this
export CLUSTER=$1 PGBACKREST_PG1_PATH=$FOLDER/data PGBACKREST_LOCK_PATH=/tmp/pgbackrest/moment # beside a backup that may be under way
TARGET=$2 NAME=$3
shift 3

tool() { bash "$HERE/pgbackrest.sh" "$@" 2>"$WORK/complaints"; }

# size_mb: of the newest backup of the cluster.
size_mb() {
  tool info --output=json >"$WORK/info" || fail "the backups of $CLUSTER cannot be listed: $(complaint)"
  local bytes
  bytes=$(grep -oE '"size":[0-9]+\},"label"' "$WORK/info" | tail -n 1 | tr -dc 0-9)
  [[ -n $bytes ]] || fail "there is no backup of the cluster $CLUSTER off the machine"
  echo "$((bytes / 1048576))"
}

# close: the log of the cluster that serves, if it is that one, so that a moment just now is in the archive.
# shellcheck disable=SC2030,SC2031 # nowhere else is meant
close() (
  [[ $TARGET != newest && -S $PGBACKREST_PG1_SOCKET_PATH/.s.PGSQL.5432 ]] || return 0
  export PGHOST=$PGBACKREST_PG1_SOCKET_PATH PGPORT=5432 PGUSER=backup
  [[ $(identity 2>"$WORK/complaints") == "$CLUSTER" ]] || return 0
  close_log "$CLOSE_SECONDS" || fail "the log of the last moments does not leave the machine: docs/runbook.md, The log off the machine"
)

restore() {
  local mb how=(--type=default)
  mb=$(size_mb)
  # Its files, its log and the dumps.
  room_for "the cluster as it was" "$((mb * 3 / 2 + 300))" || fail "$(cat "$WORK/room")"
  [[ $TARGET == newest ]] || how=(--type=time --target="$TARGET" --target-action=promote)
  say "fetching the cluster $CLUSTER, $mb MB, from off the machine"
  progress "fetched" "$FOLDER/data" "$mb" 9>&- &
  WATCH=$!
  # What is restored must never write into the archive, nor fetch ahead onto a small disk. A file that is not there (1) is the end of
  # the log; one that cannot be read must not be taken for it, and Postgres goes by the code.
  tool "${how[@]}" --archive-mode=off \
    --recovery-option="restore_command=CLUSTER=$CLUSTER bash $HERE/pgbackrest.sh --no-archive-async archive-get %f \"%p\" || { test \$? = 1 && exit 1; exit 126; }" restore ||
    fail "the cluster could not be fetched: $(complaint)"
  stop_watch
}

# last_file: of the log that is there.
last_file() {
  tool repo-ls --recurse "archive/$CLUSTER" >"$WORK/archived" || fail "the log off the machine cannot be listed: $(complaint)"
  sed -n -E 's|.*/([0-9A-F]{24})-[0-9a-f]{40}(\.[a-z0-9]+)?$|\1|p' "$WORK/archived" | sort | tail -n 1
}

# reached: the file up to which the log was replayed, but for its first digits, the timeline's. A file has 16 MB.
reached() {
  local high low
  read -r high low < <(sed -n 's|.*redo done at \([0-9A-F]*\)/\([0-9A-F]*\) .*|\1 \2|p' "$FOLDER/log" | tail -n 1) || true
  printf '%08X%08X' "0x${high:-0}" "$((16#${low:-0} >> 24))"
}

# start: replays the log; nobody is let in before its end, and it is thrown away, so that nothing is made to last.
start() {
  local last there
  last=$(last_file)
  say "replaying its log up to ${TARGET/#newest/its end}"
  progress "with its log" "$FOLDER/data" "" 9>&- &
  WATCH=$!
  # Its own settings may ask for more than there is here.
  pg_ctl --pgdata="$FOLDER/data" --wait --timeout=86400 --log="$FOLDER/log" start --options="-c config_file=$FOLDER/postgresql.conf" >/dev/null 9>&- ||
    fail "its log could not be replayed: $(replayed)"
  # shellcheck disable=SC2031 # nor here
  export PGHOST=$SOCKET PGPORT=5432 PGUSER=postgres PGPASSWORD=''
  # It answers nobody until then, and ends if it cannot get there.
  until [[ $(sql --command='select pg_catalog.pg_is_in_recovery()' 2>/dev/null) == f ]]; do
    pg_ctl --pgdata="$FOLDER/data" status >/dev/null || fail "its log could not be replayed: $(replayed)"
    sleep 0.2
  done
  stop_watch
  # A file whose content is damaged ends a replay as the end of the log does.
  there=$(reached)
  [[ $TARGET != newest || ! $there < ${last:8} ]] ||
    fail "its log could not be replayed: it goes on to $last, and what can be read ends in ${last:0:8}$there: a file is damaged"
}

# replayed: why it was not, in one line.
replayed() {
  if grep -q 'recovery ended before configured recovery target was reached' "$FOLDER/log"; then
    echo "nothing was committed at $TARGET or later, as far as the archive goes; the last that it has is of" \
      "$(sed -n 's/.*last completed transaction was at log time //p' "$FOLDER/log" | tail -n 1 | grep . || echo 'an earlier moment')"
  else
    grep -v ' accepting connections' "$FOLDER/log" | first_error -
  fi
}

configure() {
  cat >"$FOLDER/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$SOCKET'
hba_file = '$FOLDER/pg_hba.conf'
hot_standby = off
fsync = off
full_page_writes = off
autovacuum = off
archive_mode = off
max_connections = 20
shared_buffers = 32MB
maintenance_work_mem = 32MB
max_wal_size = 256MB
max_parallel_workers = 0
CONF
  echo 'local all all trust' >"$FOLDER/pg_hba.conf"
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
    fail "$database: it could not be dumped: $(first_error "$WORK/complaints")"
  sql --field-separator=' ' --dbname="$database" --file=- <<<"$TABLES" >"$file.content" 2>"$WORK/complaints" ||
    fail "$database: its rows could not be read: $(first_error "$WORK/complaints")"
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
  if [[ -e $FOLDER/data/postmaster.pid ]]; then pg_ctl --pgdata="$FOLDER/data" --wait --mode=immediate stop >/dev/null 2>&1 || true; fi
  rm -rf "$FOLDER" "$WORK" "${SOCKET:-$FOLDER}"
  rm -f "$BACKUPS"/*/"$NAME.partial"
}

main() {
  local database
  umask 077
  exec 9>"$BACKUPS/.moment.lock"
  flock --nonblock 9 || fail "another moment is being had back"
  export WORK
  WORK=$(mktemp -d)
  SOCKET=$(mktemp -d)
  trap ended EXIT
  trap 'exit 143' TERM INT
  rm -rf "$FOLDER" # of a run that was cut short
  mkdir -p "$FOLDER/data"
  chmod 700 "$FOLDER/data"
  close
  restore
  configure
  start
  for database in "$@"; do dump "$database"; done
}

main "$@"
