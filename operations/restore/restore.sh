#!/usr/bin/env bash
#
# Puts dumps in the place of databases, on the machine where the stack's containers run.
#
#   restore.sh STACK SOURCE INTO DATABASE...
#
# SOURCE is a dump's name (STAMP-KIND), of which each DATABASE must have one here or off the machine, or the end of a database's name (before_STAMP):
# what an earlier restore has set aside. Where the file `moment` beside this one names a cluster whose log is archived, and a moment,
# the dump is made of that first (moment.sh). In a reset SOURCE is `seed`, which makes each DATABASE anew, for the migration to fill,
# or STAMP-masked: what another stack has exported of jira, while the others are made anew. It drops what the reset before it has set
# aside. INTO is the end of the names that what is restored shall have and keep (jira_INTO), or
# empty: then it takes the place of what serves. It is restored beside that, and compared with what the dump held; then who
# writes is stopped, the names are exchanged in one transaction, and the commands in the files `roles`, `temporal-schema`,
# `migration` and `migration-record` beside this one run. Whatever fails, all is as it was; what was there stays as before_STAMP.
# shellcheck source-path=SCRIPTDIR
set -euo pipefail

STACK=$1 SOURCE=$2 INTO=$3
shift 3
DATABASES=("$@")
HERE=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
SHIM=${SHIM:-/run/jira/entrypoint.sh} # which gives a command there its secrets
PATIENCE_SECONDS=${PATIENCE_SECONDS:-300}
PROGRESS_SECONDS=${PROGRESS_SECONDS:-10}
ASIDE=''
NEW=${INTO:-restored}
[[ $SOURCE != before_* ]] || NEW=$SOURCE
RESET=''
if [[ $SOURCE == seed || $SOURCE == *-masked ]]; then RESET=yes; fi
STAGE=loading # then stopped, exchanged, over
AT_WORK=()    # containers that were stopped, in the order in which they start again
WATCH=''
. "$HERE/server.sh"
FROM=$DUMPS # where the dump is
if [[ $SOURCE == *-masked ]]; then FROM=$DUMPS/.masked; fi

# known FIELD DATABASE: what is told of its dump; nothing of one that is older than that.
known() { in_backup sed -n "s/.*\"$1\": \"\?\([0-9a-f]*\).*/\1/p" "$FROM/$2/$SOURCE.json" 2>/dev/null || true; }

# fetch DATABASE: its dump, where that is off the machine alone.
fetch() {
  if [[ $SOURCE == *-masked ]]; then
    say "$1: fetching $SOURCE"
    in_backup /bin/sh "$SHIM" -- bash "$SCRIPTS/masked.sh" fetch "$SOURCE" "$1" || fail "$1: $SOURCE could not be fetched"
    return
  fi
  if in_backup test -s "$DUMPS/$1/$SOURCE.dump"; then return; fi
  in_backup printenv RESTIC_REPOSITORY >/dev/null || fail "$1: there is no dump $SOURCE"
  say "$1: fetching $SOURCE from off the machine"
  in_backup /bin/sh "$SHIM" -- bash "$SCRIPTS/offsite.sh" fetch "$SOURCE" "$1" ||
    fail "$1: $SOURCE could not be fetched"
}

# anew DATABASE: whether it begins empty.
anew() { [[ $SOURCE == seed || ($SOURCE == *-masked && $1 != jira) ]]; }

owner() { sql --command="select pg_catalog.pg_get_userbyid(datdba) from pg_catalog.pg_database where datname = '$1'"; }

# begin DATABASE: an empty one beside it.
begin() {
  sql --command="drop database if exists \"$1_$NEW\" with (force)"
  sql --command="create database \"$1_$NEW\" owner \"$(owner "$1")\" template template0"
}

# bring_back: dumps of the cluster and the moment in the file `moment`, where they are not there.
bring_back() {
  local cluster target database there=yes
  for database in "${DATABASES[@]}"; do in_backup test -s "$DUMPS/$database/$SOURCE.dump" || there=no; done
  if [[ $there == yes ]]; then return; fi
  read -r cluster target <"$HERE/moment"
  in_backup bash "$SCRIPTS/moment.sh" "$cluster" "$target" "$SOURCE" "${DATABASES[@]}" || fail "what was there then could not be had back"
}

# load DATABASE: into a database beside it, which then holds what was dumped.
load() {
  local database=$1 new=$1_$NEW dump=$FROM/$1/$SOURCE.dump sum mb free started=$SECONDS
  sum=$(known sha256 "$database")
  if [[ -z $sum ]]; then
    say "$database: no checksum was kept of this dump; its content is compared all the same"
  elif [[ $(in_backup sha256sum "$dump") != "$sum "* ]]; then
    fail "$database: the dump is damaged: its bytes are not those that were proven; take another one"
  fi
  mb=$(known database_mb "$database")
  # shellcheck disable=SC2016
  free=$(in_postgres sh -c 'df --output=avail --block-size=1M "$PGDATA"' | tail -n 1)
  ((free > ${mb:-0} * 5 / 4 + 300)) ||
    fail "$database: it needs $((${mb:-0} * 5 / 4 + 300)) MB beside what is there, and the data's disk has $((free)) MB free; see docs/runbook.md, A full disk"

  begin "$database"
  say "$database: restoring ${mb:+$mb MB }into $new"
  progress "$database" "$new" "${mb:-}" 3>&- &
  WATCH=$!
  in_backup cat "$dump" |
    in_postgres pg_restore --username=postgres --dbname="$new" --exit-on-error --no-tablespaces 2>"$HERE/complaints" ||
    fail "$database: the dump could not be restored: $(first_error)"
  kill "$WATCH"
  WATCH=''
  say "$database: comparing it with what was dumped"
  compare "$database" "$new"
  DATABASE=$new sql --command=analyze # a dump has no statistics, and without them each plan is a guess
  # shellcheck disable=SC2016
  say "$database: $(in_backup awk '$1 == "table" {rows += $3; tables++} END {print tables + 0 " tables, " rows + 0 " rows"}' "${dump%.dump}.content")" \
    "restored and compared in $((SECONDS - started)) s"
}

# compare DATABASE NEW: by the hash of each row, as the backup itself has done.
compare() {
  local tables
  # shellcheck disable=SC2016 # it is the other bash that knows
  tables=$(in_backup bash -c '. "$1/content.sh"; printf %s "$TABLES"' -- "$SCRIPTS")
  DATABASE=$2 sql --field-separator=' ' <<<"$tables" >"$HERE/content" 2>"$HERE/complaints" ||
    fail "$1: what was restored could not be read: $(first_error)"
  # shellcheck disable=SC2016
  in_backup bash -c '. "$1/content.sh"; differing "$2" -' -- "$SCRIPTS" "$FROM/$1/$SOURCE.content" <"$HERE/content" >"$HERE/differences"
  [[ ! -s $HERE/differences ]] || {
    cat "$HERE/differences"
    fail "$1: what was restored is not what was dumped: $(head -n 1 "$HERE/differences")"
  }
}

# progress DATABASE NEW MB: how much there is, and how long it may take; until it is ended, or this script is.
progress() {
  local started=$SECONDS there left
  while sleep "$PROGRESS_SECONDS" >/dev/null 2>&1 && kill -0 "$$" 2>/dev/null; do
    there=$(megabytes "$2" 2>/dev/null) || continue
    left=''
    if [[ -n $3 ]] && ((there > 16 && there < $3)); then left=", about $(((SECONDS - started) * ($3 - there) / there)) s to go"; fi
    say "$1: $there MB${3:+ of $3 MB}$left"
  done
}

# stop_writers: Temporal, too, where its databases are exchanged.
stop_writers() {
  local service names all=()
  for service in temporal worker api; do
    if [[ $service == temporal && " ${DATABASES[*]} " != *' temporal'* ]]; then continue; fi
    mapfile -t names < <(running "$service")
    all+=("${names[@]}")
  done
  # A run that was cut off has stopped some, which are still to start.
  mapfile -t names < <(cat "$HERE/stopped" 2>/dev/null)
  mapfile -t AT_WORK < <(printf '%s\n' "${all[@]}" "${names[@]}" | awk 'NF && !seen[$0]++')
  printf '%s\n' "${AT_WORK[@]}" >"$HERE/stopped"
  STAGE=stopped
  OUTAGE=$SECONDS
  if ((${#all[@]})); then
    say "stopping ${all[*]}: nobody is served from here"
    docker stop "${all[@]}" >/dev/null
  fi
}

# start NAME...: and waits until they are healthy.
start() {
  local end=$((SECONDS + PATIENCE_SECONDS)) unwell
  (($#)) || return 0
  docker start "$@" >/dev/null || return 1
  while unwell=$(docker inspect --format '{{.Name}} is {{.State.Status}}, {{if .State.Health}}{{.State.Health.Status}}{{else}}healthy{{end}}' "$@" |
    grep -v 'is running, healthy$'); do
    ((SECONDS < end)) || {
      say "${unwell//$'\n'/; } after $PATIENCE_SECONDS s: docker logs --since 10m ${1} says why"
      return 1
    }
    sleep 1
  done
}

# exchange AWAY IN: DATABASE becomes DATABASE_AWAY, and DATABASE_IN becomes DATABASE; of all databases at once.
exchange() {
  local database try both='' renames=''
  for database in "${DATABASES[@]}"; do
    both+="${both:+, }'$database', '${database}_$2'"
    renames+="alter database \"$database\" rename to \"${database}_$1\"; alter database \"${database}_$2\" rename to \"$database\"; "
  done
  for try in 1 2 3 4 5; do # a session that came in between
    sql --command="select pg_catalog.pg_terminate_backend(pid, 5000) from pg_catalog.pg_stat_activity where datname in ($both)" \
      --command="begin; $renames commit" >/dev/null 2>"$HERE/complaints" && return 0 # in a trap `return` alone gives what was before it
    sleep "$try"
    # Autoheal may have been at one of them just then.
    ((${#AT_WORK[@]} == 0)) || docker stop "${AT_WORK[@]}" >/dev/null 2>&1 || true
  done
  say "the databases could not be exchanged: $(first_error)"
  return 1
}

# properties DATABASE: what belongs to the database itself and not to what is in it; the dump has it under this name. Whatever
# is selected, pg_restore adds the statement that makes the database.
properties() {
  # shellcheck disable=SC2016
  in_backup bash -c 'pg_restore --create --use-list=<(pg_restore --list "$1" | grep -E " DATABASE PROPERTIES - | COMMENT - DATABASE ") --file=- "$1"' \
    -- "$FROM/$1/$SOURCE.dump" | sed '/^CREATE DATABASE /d' |
    sql >/dev/null
}

# step NAME: a command of the program's, if this stack has it.
step() {
  [[ -e $HERE/$1 ]] || return 0
  say "running $1"
  sh "$HERE/$1" </dev/null
}

# follow: what must happen before someone is served from these databases.
follow() {
  local database
  if [[ $SOURCE != before_* ]]; then
    for database in "${DATABASES[@]}"; do anew "$database" || properties "$database" || return 1; done
  fi
  step roles || return 1
  if [[ " ${DATABASES[*]} " == *' temporal'* ]]; then step temporal-schema || return 1; fi
  if [[ " ${DATABASES[*]} " == *' jira '* ]]; then
    step migration || return 1
    step migration-record || return 1
  fi
}

# serve: first Temporal, which the others wait for.
serve() {
  local name temporal=() others=()
  for name in "${AT_WORK[@]}"; do
    if [[ $(docker inspect --format '{{index .Config.Labels "jira-plus-plus.service"}}' "$name") == temporal ]]; then temporal+=("$name"); else others+=("$name"); fi
  done
  start "${temporal[@]}" || return 1
  # Workers wait for it; what was there has it.
  if [[ -n $RESET && $STAGE == exchanged ]]; then step temporal-namespace || return 1; fi
  start "${others[@]}" && rm -f "$HERE/stopped"
}

# note_aside: that it was a reset which has set these aside, so that the next may drop them.
note_aside() {
  local database
  for database in "${DATABASES[@]}"; do
    sql --command="comment on database \"${database}_$ASIDE\" is 'set aside by a reset as ${database}_$ASIDE'"
  done
}

# drop_aside: those of the reset before.
drop_aside() {
  local name
  for name in $(sql --command="select datname from pg_catalog.pg_database d where datname ~ '_before_\d{8}t\d{6}z\$'
      and pg_catalog.shobj_description(d.oid, 'pg_database') = 'set aside by a reset as ' || datname"); do
    say "dropping $name, which the reset before has set aside, $(megabytes "$name") MB"
    sql --command="drop database \"$name\" with (force)"
  done
}

# ended: whatever happened, someone is served again.
ended() {
  local code=$? database end
  trap - EXIT
  trap '' INT TERM
  exec >&3 2>&3 # a signal comes wherever it likes, and so into what is not said
  set +e
  [[ -z $WATCH ]] || kill "$WATCH" 2>/dev/null
  # Docker or the server may be what failed, and be back in a moment.
  if [[ $STAGE == stopped || $STAGE == exchanged ]]; then
    for ((end = SECONDS + PATIENCE_SECONDS; SECONDS < end; )); do
      if docker version >/dev/null 2>&1; then break; fi
      sleep 1
    done
    start "$POSTGRES"
  fi
  # The server knows it better than this: it may have been in the middle of it.
  if [[ $STAGE == stopped ]] && exists "${DATABASES[0]}_$ASIDE"; then STAGE=exchanged; fi
  if [[ $STAGE == exchanged ]]; then
    say "going back to what was there"
    ((${#AT_WORK[@]} == 0)) || docker stop "${AT_WORK[@]}" >/dev/null
    [[ $SOURCE == before_* ]] || NEW=failed
    if exchange "$NEW" "$ASIDE"; then
      STAGE=stopped
      step roles
    else
      say "ERROR: it stays as it is; what was there is ${DATABASES[0]}_$ASIDE (docs/runbook.md, Restore a backup)"
    fi
  fi
  if [[ $STAGE == stopped || $STAGE == exchanged ]]; then
    if serve; then say "healthy again, after $((SECONDS - OUTAGE)) s"; else say "ERROR: not all containers are well"; fi
  fi
  if [[ $STAGE == loading || $STAGE == stopped ]]; then
    [[ $SOURCE == before_* || -z $POSTGRES ]] ||
      for database in "${DATABASES[@]}"; do sql --command="drop database if exists \"${database}_$NEW\" with (force)"; done
    say "nothing was restored"
  fi
  echo "$code" >"$HERE/code"
}

main() {
  local database
  exec 3>&1
  trap ended EXIT
  trap 'exit 130' INT TERM
  exec </dev/null
  trap '' HUP # the line to the operator may be lost: this goes on
  find_containers
  [[ -z $(running migration)$(running temporal-schema) ]] || fail "a deploy is migrating these databases; try again when it is over"
  hold_backups

  step roles # of a database that is gone, an empty one
  if [[ $SOURCE == before_* ]]; then
    for database in "${DATABASES[@]}"; do exists "${database}_$NEW" || fail "there is no database ${database}_$NEW"; done
  else
    if [[ -s $HERE/moment ]]; then bring_back; fi
    for database in "${DATABASES[@]}"; do anew "$database" || fetch "$database"; done
    [[ -z $RESET ]] || drop_aside # now: there may be no room for three
    for database in "${DATABASES[@]}"; do
      if anew "$database"; then begin "$database"; else load "$database"; fi
    done
  fi
  if [[ -n $INTO ]]; then
    STAGE=over
    say "restored as $(printf "%s_$INTO " "${DATABASES[@]}"); nothing else was touched"
    return
  fi
  until [[ -n $ASIDE ]] && ! exists "${DATABASES[0]}_$ASIDE"; do # of one in this very second
    [[ -z $ASIDE ]] || sleep 1
    ASIDE=before_$(date -u +%Y%m%dt%H%M%Sz)
  done
  stop_writers
  exchange "$ASIDE" "$NEW" || fail "the databases are in use"
  STAGE=exchanged
  follow || fail "what was restored could not be made ready for this release"
  serve || fail "what was restored is not served"
  STAGE=over
  say "healthy again, after $((SECONDS - OUTAGE)) s"
  if [[ -n $RESET ]]; then
    note_aside
    in_backup rm -rf "$DUMPS/.masked" || true
    say "$STACK is reset from $SOURCE, in $SECONDS s"
  fi
  for database in "${DATABASES[@]}"; do say "$database is $([[ -n $RESET ]] && echo reset || echo restored); what was there is ${database}_$ASIDE, $(megabytes "${database}_$ASIDE") MB"; done
}

main
