#!/usr/bin/env bash
#
# What the scripts share that work on a stack's databases, on the machine where its containers run. To be sourced.
#
# Who sources it sets STACK, HERE, a folder of its own, and, for what is not there in a test, SCRIPTS and DUMPS. Afterwards
# POSTGRES and BACKUP are the names of the two containers, and PGOPTIONS what their sessions are set to.
# shellcheck disable=SC2034 # used by who sources it

SCRIPTS=${SCRIPTS:-/etc/jira} # in the backup's container
DUMPS=${DUMPS:-/backups}
POSTGRES='' BACKUP='' PGOPTIONS=''

say() { printf '%s %s\n' "$(date -u +%T)" "$*"; }
fail() {
  say "ERROR: $*"
  exit 1
}

# running SERVICE: the names of its containers; two of one while a release is under way.
running() {
  docker ps --filter "label=jira-plus-plus.stack=$STACK" --filter "label=jira-plus-plus.service=$1" --format '{{.Names}}'
}

in_backup() { docker exec -i "$BACKUP" "$@"; }
in_postgres() { docker exec -i --env "PGOPTIONS=$PGOPTIONS" "$POSTGRES" "$@"; }
sql() {
  in_postgres psql --no-psqlrc --quiet --no-align --tuples-only --set=ON_ERROR_STOP=1 --username=postgres --dbname="${DATABASE:-postgres}" "$@"
}
exists() { [[ $(sql --command="select 1 from pg_catalog.pg_database where datname = '$1'") == 1 ]]; }
megabytes() { sql --command="select pg_catalog.pg_database_size('$1') >> 20"; }

first_error() {
  grep -m 1 -E 'error:|ERROR:|FATAL:|PANIC:' "$HERE/complaints" || grep -m 1 . "$HERE/complaints" ||
    if [[ -z $(running postgres) ]]; then echo 'the server ended meanwhile'; else echo 'it said nothing'; fi
}

# find_containers: of the server and of its backup.
find_containers() {
  POSTGRES=$(running postgres | head -n 1)
  BACKUP=$(running backup | head -n 1)
  [[ -n $POSTGRES ]] || fail "the container postgres of $STACK does not run: make deploy STACK=$STACK"
  [[ -n $BACKUP ]] || fail "the container backup of $STACK does not run, and the dumps are in it: make deploy STACK=$STACK"
  # shellcheck disable=SC2016 # it is the other bash that knows
  PGOPTIONS=$(in_backup bash -c '. "$1/postgres.sh"; printf %s "$PGOPTIONS"' -- "$SCRIPTS")
}

# hold_backups: while this runs no backup begins, and none prunes what is being restored. Its end is the end of our line to it.
hold_backups() {
  local held='' from
  # shellcheck disable=SC2016
  coproc LOCK { in_backup bash -c 'exec 9>"$1/.lock"; until flock --wait 10 9; do echo waiting; done; echo held; cat' -- "$DUMPS"; }
  from=${LOCK[0]}
  while read -r held <&"$from" && [[ $held != held ]]; do say "a backup is being made; this waits for it"; done
  [[ $held == held ]] || fail "the backups could not be locked"
}
