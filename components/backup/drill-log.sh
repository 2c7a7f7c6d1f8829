#!/usr/bin/env bash
#
# The drill of the log: the newest backup of the cluster comes from its bucket, and its log is replayed to the end (replay.sh), in
# the cluster's own files, in which indexes, collations and roles are those that serve. To be sourced, by drill.sh.
#
# The server is asked one thing, if it can be, and only once all is restored: what it had committed by then, and the log had not.
# shellcheck disable=SC2034 # used by drill.sh, and by replay.sh

: "${ARCHIVE:?}" "${DRILL_LOG_DAYS:?}"
DRILL_DAYS=$DRILL_LOG_DAYS PARTS=(fetch replay check)
SCRATCH=$FOLDER # beside a trial
CLUSTER=$(number cluster "$BACKUPS/archive.json")
TARGET=newest

# made: whether there is one to restore.
made() { [[ -n $CLUSTER ]]; }

fetch() {
  local bytes mb
  part fetch
  made || fail "no backup with the log was finished yet"
  newest_backup || fail "the bucket has no backup of the cluster $CLUSTER, which was made: it was emptied, or is another one"
  read -r NAME bytes START <"$WORK/newest"
  fact name "$(quoted "$NAME")"
  fact bytes "$bytes"
  mb=$((bytes / 1048576))
  # What the log adds, and as much of the log as Postgres keeps.
  room_for "the cluster of $NAME" "$((mb * 5 / 4 + 400))" || fail "$(cat "$WORK/room")"
  fetch_cluster "$mb"
}

rebuild() {
  local last count oldest='' asked=''
  start_cluster
  last=$(last_commit)
  if [[ -n $last ]]; then fact last_commit "$(quoted "$last")"; fi
  fact log_mb "$(sql --command="select pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_last_wal_replay_lsn(), '$START')::bigint >> 20")"
  if lost >"$WORK/lost" 2>"$WORK/unasked"; then asked=yes; fi
  UNTIL=$(date -u '+%F %T+00')
  if [[ -n $asked ]]; then
    read -r count oldest <"$WORK/lost"
    fact lost "$count"
    fact rpo_seconds "$(if ((count)); then since "$oldest"; else echo 0; fi)"
  else
    say "the server cannot say what it has committed since: $(first_error "$WORK/unasked")"
    [[ -z $last ]] || fact rpo_seconds "$(since "$last")" # at most
  fi
}

# since MOMENT: the seconds from then until the log's end was reached.
since() { echo "$(($(date -d "$UNTIL" +%s) - $(date -d "$1" +%s)))"; }

# lost: how many transactions the server has committed that are not in the log off the machine, and when the oldest of them was,
# out of the server's own log; ends with 1 where it cannot be asked. A database in which nothing happens loses nothing, however
# long ago its last commit was.
# https://www.postgresql.org/docs/15/pgwaldump.html
lost() {
  local from to timeline bytes
  from=$(sql --command='select pg_catalog.pg_last_wal_replay_lsn()')
  read -r to timeline bytes < <(of_server) || return 1
  # The head of a file has so many, and no commit is smaller.
  if ((bytes <= 40)); then
    echo 0
    return
  fi
  TZ=UTC pg_waldump --path="$PGDATA/pg_wal" --rmgr=Transaction --timeline="$((16#$timeline))" --start="$from" --end="$to" |
    sed -n -E 's/.* desc: COMMIT.* ([0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.]+) UTC.*/\1+00/p' |
    awk 'NR == 1 { oldest = $0 } END { print NR, oldest }'
}

# of_server: how far its log goes, on which timeline, and how much further that is; if it is the same cluster.
of_server() (
  export PGHOST=$PGBACKREST_PG1_SOCKET_PATH PGUSER=backup
  [[ $(identity) == "$CLUSTER" ]] || return 1
  sql --field-separator=' ' --command="select now, substr(pg_catalog.pg_walfile_name(now), 1, 8), pg_catalog.pg_wal_lsn_diff(now, '$from')
    from pg_catalog.pg_current_wal_flush_lsn() now"
)

# compare DATABASE: there is nothing to compare with: it is what it was.
compare() { :; }
