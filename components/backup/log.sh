#!/usr/bin/env bash
#
# Whether the database's log is off the machine. To be sourced, after postgres.sh.

# waiting: for how many seconds the oldest file of it has been waiting to be sent.
waiting() {
  local oldest
  oldest=$(find "$PGDATA/pg_wal/archive_status" -name '*.ready' -printf '%T@\n' 2>/dev/null | sort -n | head -n 1)
  if [[ -n $oldest ]]; then echo "$(($(date +%s) - ${oldest%.*}))"; else echo 0; fi
}

# close_log SECONDS: all that was committed until now is off the machine, within so many seconds; a commit of its own comes after
# it, for a replay ends at a commit that is later than the moment it is to reach.
close_log() {
  local file end=$((SECONDS + $1))
  file=$(sql --command='select pg_catalog.pg_current_xact_id()' \
    --command='select pg_catalog.pg_walfile_name(pg_catalog.pg_switch_wal())') || return 1
  until [[ $(sql --command="select last_archived_wal >= '${file##*$'\n'}' from pg_catalog.pg_stat_archiver") == t ]]; do
    ((SECONDS < end)) || return 1
    sleep 0.5
  done
}
