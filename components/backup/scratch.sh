#!/usr/bin/env bash
#
# A cluster of the backup's own, in which a dump is restored on trial: it shares no process, no memory and no disk with the
# one that serves, so that the trial can fill and break nothing but itself. To be sourced, with postgres.sh and content.sh.

SCRATCH=$BACKUPS/.scratch
PROGRESS_SECONDS=${PROGRESS_SECONDS:-30}
RESERVE_MB=${RESERVE_MB:-512} # of the backups' disk, which the trial leaves to others

# alone WHO: waits for whoever has the cluster, and has it from then on, until this shell ends.
alone() {
  exec 9>>"$BACKUPS/.lock"
  until flock --wait "$PROGRESS_SECONDS" 9; do say "$(cat "$BACKUPS/.lock") is being made; $1 waits for it"; done
  echo "$1" >"$BACKUPS/.lock"
}

# start_scratch: an empty cluster; whoever connects from then on in this shell is its superuser. Where a run begins several,
# as each database has its own, they are copies of the first, which takes two seconds of half a core to make:
# EMPTY is the folder for that, which the run removes.
start_scratch() {
  end_scratch
  SCRATCH_SOCKET=$(mktemp -d)
  mkdir "$SCRATCH"
  if [[ -n ${EMPTY:-} && -d $EMPTY ]]; then
    cp -a "$EMPTY" "$SCRATCH/data" || fail "the cluster for the trial restore could not be copied to $SCRATCH"
  else
    initdb --pgdata="$SCRATCH/data" --username=postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync \
      >"$SCRATCH/log" 2>&1 || fail "the cluster for the trial restore could not be made: $(first_error "$SCRATCH/log")"
    [[ -z ${EMPTY:-} ]] || { cp -a "$SCRATCH/data" "$EMPTY.partial" && mv "$EMPTY.partial" "$EMPTY"; } ||
      fail "the empty cluster could not be kept at $EMPTY"
  fi
  # It is thrown away: what makes a cluster survive a crash is left out, and what makes it small is put in.
  pg_ctl --pgdata="$SCRATCH/data" --wait --log="$SCRATCH/log" start --options="-c listen_addresses= -c port=5432 \
    -c unix_socket_directories=$SCRATCH_SOCKET -c fsync=off -c full_page_writes=off -c synchronous_commit=off -c autovacuum=off \
    -c wal_level=minimal -c max_wal_senders=0 -c max_wal_size=256MB -c max_connections=5 -c shared_buffers=32MB \
    -c maintenance_work_mem=32MB -c work_mem=4MB -c max_parallel_workers=0 -c max_parallel_maintenance_workers=0" \
    >/dev/null 7>&- 8>&- 9>&- || fail "the cluster for the trial restore did not start: $(first_error "$SCRATCH/log")"
  watch_disk 7>&- 8>&- 9>&- &
  SCRATCH_WATCH=$!
  export PGHOST=$SCRATCH_SOCKET PGPORT=5432 PGUSER=postgres PGPASSWORD=''
}

# write_roles: the server's, into WORK/roles: who owns and who may is part of a dump, and roles are not.
write_roles() {
  sql --command="select format('create role %I;', rolname) from pg_catalog.pg_roles where rolname !~ '^pg_' and rolname <> 'postgres'" \
    >"$WORK/roles"
}

# fill_scratch DATABASE DUMP: with the database as it was dumped.
fill_scratch() {
  if [[ -s $WORK/roles ]]; then sql --file="$WORK/roles"; fi
  : >"$WORK/roles" # they are there from now on
  load --exit-on-error "$2" || fail "$1: its dump could not be restored: $(complaint)"
}

# watch_disk: ends the cluster before it takes the last of the disk; what waits for it then fails.
watch_disk() {
  while sleep 1 >/dev/null 2>&1 && kill -0 "$$" 2>/dev/null; do
    if (($(free_mb "$BACKUPS") < RESERVE_MB)); then
      echo "the trial restore was ended: less than $RESERVE_MB MB are free on the backups' disk" >"$SCRATCH/full"
      pg_ctl --pgdata="$SCRATCH/data" --mode=immediate stop >/dev/null 2>&1 || true
      return
    fi
  done
}

# end_scratch: whatever there is of one, of a run that was cut short, too.
end_scratch() {
  if [[ -n ${SCRATCH_WATCH:-} ]]; then kill "$SCRATCH_WATCH" 2>/dev/null || true; fi
  if [[ -e $SCRATCH/data/postmaster.pid ]]; then
    pg_ctl --pgdata="$SCRATCH/data" --wait --mode=immediate stop >/dev/null 2>&1 || true
  fi
  rm -rf "$SCRATCH" "${SCRATCH_SOCKET:-$SCRATCH}"
}

# room_for WHAT MB: whether the backups' disk has so much, and the reserve besides; else WORK/room says what is missing.
room_for() {
  local free
  free=$(free_mb "$BACKUPS")
  ((free - RESERVE_MB >= $2)) && return
  echo "$1 may need $2 MB, and the backups' disk has $free MB free, of which $RESERVE_MB MB stay so;" \
    "keep fewer dumps (backup.retention), or free some of it" >"$WORK/room"
  return 1
}

# load ARGUMENT...: pg_restore, which makes the database that it is given the dump of.
load() { pg_restore --create --dbname=postgres --no-tablespaces "$@" 2>"$WORK/complaints"; }

# complaint: why the last step in the cluster failed.
complaint() { cat "$SCRATCH/full" 2>/dev/null || first_error "$WORK/complaints"; }

# read_back DATABASE: what it holds, into WORK/restored.
read_back() {
  sql --field-separator=' ' --dbname="$1" --file=- <<<"$TABLES" >"$WORK/restored" 2>"$WORK/complaints" ||
    fail "$1: what was restored could not be read: $(complaint)"
}

# progress WORDS PATH MB [LIFE]: says each while how much of about so much there is, if that is known, and keeps the sign of life
# LIFE fresh.
progress() {
  while sleep "$PROGRESS_SECONDS" >/dev/null 2>&1 && kill -0 "$$" 2>/dev/null; do
    [[ -z ${4:-} ]] || touch "$BACKUPS/$4"
    say "$1: $(du -sm "$2" 2>/dev/null | cut -f1) MB${3:+ of about $3 MB}"
  done
}

stop_watch() { if [[ -n ${WATCH:-} ]]; then kill "$WATCH" 2>/dev/null || true; fi; }
