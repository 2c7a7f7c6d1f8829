#!/usr/bin/env bash
#
# Moves a stack's cluster to another major version of Postgres, on the machine where its containers run.
#
#   upgrade.sh STACK move IMAGE   makes FOLDER.next of FOLDER, the cluster's, for the server of IMAGE
#   upgrade.sh STACK back IMAGE   FOLDER is again what it was before; what is there now is kept as FOLDER.after_STAMP
#   upgrade.sh STACK open IMAGE   lets in again who writes
#
# All of the cluster is dumped and restored: roles, databases with what belongs to them, and their content, which is compared row by
# row. The server that runs serves on until nobody may write any more, which is before the dump; whatever fails, it serves as before.
# From FOLDER.next the next deploy serves (data-guard.sh), or else `back` takes it away. Nobody is let in until then.
# In HERE: `limits`, what the databases' connections were limited to, while nobody may write; `disk`, where the data are.
# shellcheck source-path=SCRIPTDIR/../restore
# shellcheck disable=SC2016 # what another shell is to expand
set -euo pipefail

STACK=$1 STEP=$2 IMAGE=$3
HERE=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
PGDATA=/var/lib/postgresql/data
OWNER=999:999
PROGRESS_SECONDS=${PROGRESS_SECONDS:-10}
MB_PER_SECOND=${MB_PER_SECOND:-15} # docs/bench.md, Another major version of Postgres
MEMORY_MB=512
NEXT=jira-$STACK-postgres-next
SIZE='select sum(pg_catalog.pg_database_size(oid))::bigint >> 20 from pg_catalog.pg_database' # in MB
DISK='' NAME='''' WATCH='' COUNT='' STAGE=looking
. "$HERE/server.sh"

# on_disk SCRIPT ARGUMENT...: as the owner of all files, in the folder beside which the cluster's is.
on_disk() {
  docker run --rm --interactive --network=none --user=0:0 --cap-drop=ALL --cap-add=CHOWN --cap-add=DAC_OVERRIDE --cap-add=FOWNER \
    --security-opt=no-new-privileges:true --read-only --tmpfs="$PGDATA" --mount="type=bind,source=$DISK,target=/disk" \
    --entrypoint=sh "$IMAGE" -euc "cd /disk; $1" - "${@:2}" </dev/null
}
version() { on_disk 'cat "$1/PG_VERSION" 2>/dev/null || true' "$1"; }
in_next() { docker exec -i --env "PGOPTIONS=$PGOPTIONS" --env PGPASSFILE=/tmp/pgpass "$NEXT" "$@"; }
next_sql() { in_next psql --no-psqlrc --quiet --no-align --tuples-only --set=ON_ERROR_STOP=1 --username=postgres --dbname="${DATABASE:-postgres}" "$@"; }

# find_disk: DISK and NAME, the folder of the cluster in it.
find_disk() {
  local kind source
  if [[ -z $POSTGRES ]]; then
    read -r kind source <"$HERE/disk"
  else
    read -r kind source < <(docker inspect --format "{{range .Mounts}}{{if eq .Destination \"$PGDATA\"}}{{.Type}} {{.Source}}{{end}}{{end}}" "$POSTGRES")
    echo "$kind $source" >"$HERE/disk"
  fi
  [[ $kind == bind ]] || fail "the data are in a volume of Docker's, and go with the stack: destroy it, and up again"
  DISK=$(dirname "$source") NAME=$(basename "$source")
}

# have_image: on this machine, by the login in the file `login` where the registry wants one.
have_image() {
  local server user password
  docker image inspect "$IMAGE" >/dev/null 2>&1 && return
  say "pulling $IMAGE"
  if [[ -s $HERE/login ]]; then
    { read -r server && read -r user && read -r password; } <"$HERE/login"
    docker --config "$HERE/docker" login --username "$user" --password-stdin "$server" >/dev/null 2>"$HERE/complaints" <<<"$password" ||
      fail "$server does not let $user in: $(tail -n 1 "$HERE/complaints")"
  fi
  docker --config "$HERE/docker" pull --quiet "$IMAGE" >/dev/null 2>"$HERE/complaints" ||
    fail "$IMAGE cannot be pulled: $(tail -n 1 "$HERE/complaints")"
}

major_of() { docker image inspect --format '{{range .Config.Env}}{{println .}}{{end}}' "$1" | sed -n 's/^PG_MAJOR=//p'; }

# fits: whether the server of IMAGE can take over, as far as that can be seen without a dump.
fits() {
  local there major free mb
  there=$(version "$NAME")
  major=$(major_of "$IMAGE")
  [[ -n $major ]] || fail "$IMAGE does not say by PG_MAJOR which Postgres it is: it is none of the official image's kind"
  ((major > there)) || fail "the data are of Postgres $there, and $IMAGE is Postgres $major: there is no way from one to the other by this"
  docker run --rm --network=none --tmpfs="$PGDATA" --entrypoint=postgres "$IMAGE" --version >/dev/null 2>"$HERE/complaints" ||
    fail "$IMAGE does not run here: $(tail -n 1 "$HERE/complaints")"
  if in_postgres printenv ARCHIVE >/dev/null; then
    docker run --rm --network=none --tmpfs="$PGDATA" --entrypoint=pgbackrest "$IMAGE" version >/dev/null 2>&1 ||
      fail "$IMAGE has no pgBackRest, which backup.point_in_time needs: make it of images/postgres (the workflow postgres-image)"
  fi
  [[ -z $(sql --command="select spcname from pg_catalog.pg_tablespace where spcname !~ '^pg_'") ]] ||
    fail "there are tablespaces, which are elsewhere than the cluster: move what is in them back first"
  mb=$(sql --command="$SIZE")
  free=$(in_postgres sh -c 'df --output=avail --block-size=1M "$PGDATA"' | tail -n 1)
  ((free > mb * 5 / 4 + 1300)) || # 1 GB of it is the new cluster's log of writes
    fail "it needs $((mb * 5 / 4 + 1300)) MB beside what is there, and the data's disk has $((free)) MB free; see docs/runbook.md, A full disk"
  say "Postgres $there to $major: $mb MB; nobody can write for about $((mb / MB_PER_SECOND + 15)) s, and a deploy's time"
}

# begin: the server of IMAGE, on an empty cluster beside, that nobody but this reaches. It is thrown away if it does not come to an
# end, so what makes a cluster survive a crash is left out.
begin() {
  local arguments
  docker rm --force "$NEXT" >/dev/null 2>&1 || true
  on_disk 'rm -rf "$1.making" "$1.next"; install -d -m 0700 -o "${2%:*}" -g "${2#*:}" "$1.making"' "$NAME" "$OWNER"
  arguments=$(docker inspect --format '{{range .Config.Env}}{{println .}}{{end}}' "$POSTGRES" | sed -n 's/^POSTGRES_INITDB_ARGS=//p')
  POSTGRES_PASSWORD=$(head -c 18 /dev/urandom | base64) # until the roles come
  export POSTGRES_PASSWORD
  STAGE=making
  # In the other's network, where its own socket is nobody's but its own.
  docker run --detach --name "$NEXT" --label "jira-plus-plus.stack=$STACK" --label jira-plus-plus.service=postgres-next \
    --network "container:$POSTGRES" --user "$OWNER" --cap-drop=ALL --security-opt=no-new-privileges:true --read-only \
    --tmpfs=/tmp --tmpfs=/var/run/postgresql:mode=1777 --memory="${MEMORY_MB}m" --shm-size=128m \
    --mount="type=bind,source=$DISK/$NAME.making,target=$PGDATA" --stop-signal=SIGINT \
    --env "PGDATA=$PGDATA" --env POSTGRES_USER=postgres --env POSTGRES_PASSWORD --env "POSTGRES_INITDB_ARGS=$arguments" \
    --entrypoint=docker-entrypoint.sh "$IMAGE" postgres -c listen_addresses= -c password_encryption=scram-sha-256 \
    -c fsync=off -c full_page_writes=off -c synchronous_commit=off -c autovacuum=off -c wal_level=minimal -c max_wal_senders=0 \
    -c max_wal_size=1GB -c max_connections=10 -c shared_buffers=64MB -c maintenance_work_mem=64MB -c max_parallel_workers=0 \
    >/dev/null 2>"$HERE/complaints" || fail "the new server does not start: $(tail -n 1 "$HERE/complaints")"
  # While it makes its cluster another one answers.
  until [[ $(docker exec "$NEXT" cat /proc/1/comm 2>/dev/null) == postgres ]] && docker exec "$NEXT" pg_isready --quiet --username=postgres; do
    [[ $(docker inspect --format '{{.State.Running}}' "$NEXT") == true ]] ||
      fail "the new server does not start: $(docker logs --tail 3 "$NEXT" 2>&1 | tr '\n' ' ')"
    sleep 0.3
  done
  in_postgres cat /run/roles/postgres | sed 's/[\\:]/\\&/g' |
    docker exec -i "$NEXT" sh -c 'umask 077; { printf "127.0.0.1:5432:*:postgres:"; cat; echo; } >/tmp/pgpass'
}

# extensions: what the new server must have.
extensions() {
  local database name
  for database in "${DATABASES[@]}"; do
    for name in $(DATABASE=$database sql --command='select extname from pg_catalog.pg_extension'); do
      [[ $(next_sql --command="select 1 from pg_catalog.pg_available_extensions where name = '$name'") == 1 ]] ||
        fail "$database: the extension $name is not in $IMAGE"
    done
  done
}

# shut: nobody but the superuser is let into these databases, and who was in is out.
shut() {
  local database
  STAGE=shut
  BEGAN=$SECONDS
  [[ -s $HERE/limits ]] || sql --field-separator=' ' --command="select datconnlimit, datname from pg_catalog.pg_database
    where datallowconn and not datistemplate and datname <> 'postgres'" >"$HERE/limits"
  say "nobody can write from here on"
  for database in "${DATABASES[@]}"; do
    [[ $database == postgres ]] || sql --command="alter database \"$database\" connection limit 0"
  done
  # Some come in between: a session that was let in before the limit, and is seen only after it.
  until [[ $(sql --command="select count(pg_catalog.pg_terminate_backend(pid, 5000)) from pg_catalog.pg_stat_activity
      where backend_type = 'client backend' and pid <> pg_catalog.pg_backend_pid()") == 0 ]]; do sleep 0.2; done
}

# open: as it was before `shut`.
open() {
  local limit database
  [[ -s $HERE/limits ]] || return 0
  while read -r limit database; do
    sql --command="alter database \"$database\" connection limit $limit" </dev/null || return 1
  done <"$HERE/limits"
  rm -f "$HERE/limits"
  say "who writes is let in again"
}

# content SQL DATABASE: what it holds, asked by SQL (of the one that serves) or next_sql (of the new one).
content() { DATABASE=$2 "$1" --field-separator=' ' <<<"$CONTENT"; }

count_all() {
  local database
  for database in "${DATABASES[@]}"; do content sql "$database" >"$HERE/$database.before"; done
}

# move DATABASE: with its owner, its rights and its settings; postgres is there already.
move() {
  local how=(--create) limit
  [[ $1 != postgres ]] || how=()
  in_next bash -c 'set -o pipefail; database=$1; shift
    pg_dump --host=127.0.0.1 --username=postgres --dbname="$database" --format=custom --compress=0 |
      pg_restore --username=postgres --dbname=postgres --exit-on-error --no-tablespaces "$@"' - "$1" "${how[@]}" </dev/null 2>"$HERE/complaints" ||
    fail "$1 could not be moved: $(first_error)"
  limit=$(sed -n "s/^\(-\?[0-9]*\) $1\$/\1/p" "$HERE/limits")
  [[ -z $limit ]] || next_sql --command="alter database \"$1\" connection limit $limit"
}

# progress MB: how much there is of so much, and how long it may take.
progress() {
  local started=$SECONDS there left
  while sleep "$PROGRESS_SECONDS" >/dev/null 2>&1 && kill -0 "$$" 2>/dev/null; do
    there=$(next_sql --command="$SIZE" 2>/dev/null) || continue
    left=''
    if ((there > 40 && there < $1)); then left=", about $(((SECONDS - started) * ($1 - there) / there)) s to go"; fi
    say "$there MB of about $1 MB$left"
  done
}

# same: that what was moved is what was there.
same() {
  local database roles="select rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls,
    rolconnlimit, rolpassword from pg_catalog.pg_authid where rolname !~ '^pg_' order by rolname collate \"C\"" strayed
  [[ $(sql --command="$roles") == "$(next_sql --command="$roles")" ]] || fail "the roles that were moved are not those that were there"
  for database in "${DATABASES[@]}"; do
    content next_sql "$database" >"$HERE/$database.after" 2>"$HERE/complaints" || fail "$database: what was moved could not be read: $(first_error)"
    cmp --quiet "$HERE/$database.before" "$HERE/$database.after" ||
      fail "$database: what was moved is not what was there: $(diff "$HERE/$database.before" "$HERE/$database.after" | sed -n 's/^[<>] //p' | head -n 1)"
    strayed=$(DATABASE=$database next_sql <<<"$COLLATIONS")
    [[ -z $strayed ]] || say "$database: $strayed"
    say "$database: $(awk '$1 == "table" {rows += $3; tables++} END {print tables + 0 " tables, " rows + 0 " rows"}' "$HERE/$database.after") moved and compared"
  done
}

# close_next: its files are whole on the disk, under the name that the next deploy looks for.
close_next() {
  docker stop --time 300 "$NEXT" >/dev/null
  [[ $(docker inspect --format '{{.State.ExitCode}}' "$NEXT") == 0 ]] ||
    fail "the new server did not end well: $(docker logs --tail 3 "$NEXT" 2>&1 | tr '\n' ' ')"
  docker rm "$NEXT" >/dev/null
  docker run --rm --network=none --user "$OWNER" --read-only --mount="type=bind,source=$DISK/$NAME.making,target=$PGDATA" \
    --entrypoint=initdb "$IMAGE" --sync-only --pgdata="$PGDATA" >/dev/null
  on_disk 'mv "$1.making" "$1.next"; sync' "$NAME"
}

ready() {
  [[ $(version "$NAME.next") == "$(major_of "$IMAGE")" && -s $HERE/limits ]] &&
    [[ $(sql --command="select count(*) from pg_catalog.pg_database where datallowconn and not datistemplate
      and datname <> 'postgres' and datconnlimit <> 0") == 0 ]]
}

move_all() {
  local database mb
  find_containers
  [[ -z $(running migration)$(running temporal-schema) ]] || fail "a deploy is migrating these databases; try again when it is over"
  find_disk
  have_image
  hold_backups
  if ready; then
    STAGE=over
    say "all is moved already, and nobody could write since: the deploy is what is left"
    return
  fi
  fits
  mapfile -t DATABASES < <(sql --command='select datname from pg_catalog.pg_database where datallowconn and not datistemplate order by datname')
  CONTENT=$(in_backup bash -c '. "$1/content.sh"; printf "%s\n%s" "$TABLES" "$SEQUENCES"' -- "$SCRIPTS")
  COLLATIONS=$(in_backup bash -c '. "$1/content.sh"; printf %s "$COLLATIONS"' -- "$SCRIPTS")
  begin
  extensions
  mb=$(sql --command="$SIZE")
  shut
  count_all 2>"$HERE/complaints-of-the-count" &
  COUNT=$!
  progress "$mb" 3>&- &
  WATCH=$!
  in_next pg_dumpall --host=127.0.0.1 --username=postgres --globals-only 2>"$HERE/complaints" | sed '/^CREATE ROLE postgres;$/d' |
    next_sql >/dev/null 2>>"$HERE/complaints" || fail "the roles could not be moved: $(first_error)"
  for database in "${DATABASES[@]}"; do
    say "$database: $(megabytes "$database") MB"
    move "$database"
  done
  wait "$COUNT" || fail "what is there could not be read: $(head -n 1 "$HERE/complaints-of-the-count")"
  COUNT=''
  same
  # A dump has no statistics, and without them each plan is a guess.
  in_next vacuumdb --username=postgres --all --analyze-only --quiet </dev/null 2>"$HERE/complaints" || fail "it could not be analyzed: $(first_error)"
  kill "$WATCH" 2>/dev/null || true
  WATCH=''
  close_next
  STAGE=over
  say "all is moved, in $((SECONDS - BEGAN)) s: the deploy is what is left"
}

back() {
  local former stamp
  POSTGRES=$(running postgres | head -n 1)
  find_disk
  stamp=$(date -u +%Y%m%dt%H%M%Sz)
  on_disk 'rm -rf "$1.making" "$1.after_$2"; if [ -e "$1.next" ]; then rm -rf "$1.next"; fi' "$NAME" "$stamp"
  former=$(on_disk 'ls -d "$1".before_* 2>/dev/null | tail -n 1' "$NAME")
  if [[ -z $former || $(version "$former") == "$(version "$NAME")" ]]; then
    say "the cluster of before is in its place"
    [[ -z $POSTGRES ]] || open
    return
  fi
  on_disk 'mv "$1" "$1.after_$3"; mv "$2" "$1"; sync' "$NAME" "$former" "$stamp"
  say "the cluster of before is in its place again; what was there is $DISK/$NAME.after_$stamp"
}

ended() {
  local code=$?
  trap - EXIT
  trap '' INT TERM
  exec >&3 2>&3
  set +e
  [[ -z $WATCH ]] || kill "$WATCH" 2>/dev/null
  [[ -z $COUNT ]] || kill "$COUNT" 2>/dev/null
  rm -rf "$HERE/login" "$HERE/docker"
  if [[ $STAGE == making || $STAGE == shut ]]; then
    docker rm --force "$NEXT" >/dev/null 2>&1
    on_disk 'rm -rf "$1.making" "$1.next"' "$NAME"
    if open; then say "nothing was moved; all is as it was"; else say "ERROR: nobody is let in: the same command once more"; fi
  fi
  echo "$code" >"$HERE/code"
}

main() {
  exec 3>&1
  trap ended EXIT
  trap 'exit 130' INT TERM
  exec </dev/null
  trap '' HUP # the line to the operator may be lost: this goes on
  case $STEP in
    move) move_all ;;
    back) back ;;
    open)
      find_containers
      open
      ;;
    *) fail "$STEP is none of move, back, open" ;;
  esac
}

main
