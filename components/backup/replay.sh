#!/usr/bin/env bash
#
# A cluster of the archive (archive.sh) as it was at a moment, made again here, beside the dumps: a backup of it is fetched, and
# its log is replayed. It is thrown away, as that of scratch.sh, with whose functions it is watched and ended. To be sourced,
# after postgres.sh, scratch.sh and repository.sh.
#
# Who sources it sets SCRATCH, the folder where it is to be, CLUSTER, and TARGET, a moment such as `2026-11-28 03:00:00+00` or
# `newest`: the end of the log.
# shellcheck disable=SC2034 # used by scratch.sh

# Beside a backup that may be under way.
export CLUSTER PGBACKREST_PG1_PATH=$SCRATCH/data PGBACKREST_LOCK_PATH=/tmp/pgbackrest/${SCRATCH##*/}

# fetch_cluster MB: its files, about so many.
fetch_cluster() {
  local how=(--type=default)
  [[ $TARGET == newest ]] || how=(--type=time --target="$TARGET" --target-action=promote)
  segments "$CLUSTER" >"$WORK/segments"
  say "fetching the cluster $CLUSTER, $1 MB, from off the machine"
  progress "fetched" "$SCRATCH/data" "$1" 7>&- 9>&- &
  WATCH=$!
  mkdir -p "$SCRATCH/data"
  chmod 700 "$SCRATCH/data"
  # What is restored must never write into the archive, nor fetch ahead onto a small disk.
  must "the cluster could not be fetched" "${how[@]}" --archive-mode=off \
    --recovery-option="restore_command=CLUSTER=$CLUSTER bash $HERE/pgbackrest.sh --no-archive-async archive-get %f \"%p\"" restore
  stop_watch
}

# start_cluster: replays the log; nobody is let in before its end, and it is thrown away, so that nothing is made to last. Whoever
# connects from then on in this shell is its superuser.
start_cluster() {
  SCRATCH_SOCKET=$(mktemp -d)
  configure
  say "replaying its log up to ${TARGET/#newest/its end}"
  progress "with its log" "$SCRATCH/data" "" 7>&- 9>&- &
  WATCH=$!
  watch_disk 7>&- 9>&- &
  SCRATCH_WATCH=$!
  # Its own settings may ask for more than there is here.
  pg_ctl --pgdata="$SCRATCH/data" --wait --timeout=86400 --log="$SCRATCH/log" start \
    --options="-c config_file=$SCRATCH/postgresql.conf" >/dev/null 7>&- 9>&- ||
    fail "its log could not be replayed: $(replayed)"
  export PGHOST=$SCRATCH_SOCKET PGPORT=5432 PGUSER=postgres PGPASSWORD=''
  # It answers nobody until then, and ends if it cannot get there.
  until [[ $(sql --command='select pg_catalog.pg_is_in_recovery()' 2>/dev/null) == f ]]; do
    pg_ctl --pgdata="$SCRATCH/data" status >/dev/null || fail "its log could not be replayed: $(replayed)"
    sleep 0.2
  done
  stop_watch
  [[ $TARGET != newest ]] || reached
}

# reached: the end of what was off the machine when it was fetched. Whatever file of the log is not there, or cannot be read, is
# the end of it to Postgres, which begins to serve without a word.
# https://www.postgresql.org/docs/15/continuous-archiving.html#BACKUP-PITR-RECOVERY (restore_command)
reached() {
  local last
  last=$(tail -n 1 "$WORK/segments")
  [[ $(sql --command="select pg_catalog.pg_last_wal_replay_lsn() > '${last:8:8}/${last:22:2}000000'") == t ]] ||
    fail "its log could not be replayed to its end, which is in $last: $(
      if grep -q 'ERROR: \[' "$SCRATCH/log"; then told "$SCRATCH/log"; else echo "a file before that is missing"; fi
    ); the last commit that came back is of $(last_commit | grep . || echo 'before the backup')"
}

# last_commit: when the last transaction that was replayed was committed, in UTC; nothing if there was none.
last_commit() {
  sql --command="select to_char(pg_catalog.pg_last_xact_replay_timestamp(), 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
}

# replayed: why it was not, in one line.
replayed() {
  if [[ -e $SCRATCH/full ]]; then
    cat "$SCRATCH/full"
  elif grep -q 'recovery ended before configured recovery target was reached' "$SCRATCH/log"; then
    echo "nothing was committed at $TARGET or later, as far as the archive goes; the last that it has is of" \
      "$(sed -n 's/.*last completed transaction was at log time //p' "$SCRATCH/log" | tail -n 1 | grep . || echo 'an earlier moment')"
  else
    grep -v ' accepting connections' "$SCRATCH/log" | first_error -
  fi
}

configure() {
  cat >"$SCRATCH/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$SCRATCH_SOCKET'
hba_file = '$SCRATCH/pg_hba.conf'
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
  echo 'local all all trust' >"$SCRATCH/pg_hba.conf"
}
