#!/usr/bin/env bash
#
# Makes one backup of each database in DATABASES, and prunes the old ones.
#
# A dump counts once it was restored: it is written under a temporary name, restored into a scratch database, the rows
# of each table are counted on both sides (here in the snapshot that was dumped), and only then it gets its name.
# BACKUPS/status.json says when that last went well for all of them.
#
# Where from is in PGHOST, PGUSER and PGPASSWORD; how many stay in KEEP_DAILY, KEEP_WEEKLY and KEEP_MONTHLY.
set -euo pipefail

: "${BACKUPS:?}" "${DATABASES:?}" "${KEEP_DAILY:?}" "${KEEP_WEEKLY:?}" "${KEEP_MONTHLY:?}"
export PGDATABASE=postgres PGCONNECT_TIMEOUT=10 PGOPTIONS="-c client_min_messages=warning"

say() { printf '%s %s\n' "$(date -u +%FT%TZ)" "$*"; }
fail() {
  say "ERROR: $*" >&2
  exit 1
}

sql() { psql --no-psqlrc --quiet --no-align --tuples-only --set=ON_ERROR_STOP=1 "$@"; }

# Every table with its exact number of rows, as lines `schema.table rows`.
COUNT_ROWS=$(
  cat <<'SQL'
select format('select %L || %s || count(*) from %I.%I', n.nspname || '.' || c.relname, quote_literal(' '), n.nspname, c.relname)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'm') and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\_%'
order by n.nspname collate "C", c.relname collate "C" \gexec
SQL
)

# Without force Postgres ends an autovacuum that is at work in it, which with force it refuses to all but superusers
# (PostgreSQL 15, CountOtherDBBackends and TerminateOtherDBBackends). With force: what a killed run has left connected.
drop_scratch() {
  sql --command="drop database if exists \"scratch_$1\"" 2>/dev/null \
    || sql --command="drop database if exists \"scratch_$1\" with (force)"
}

# back_up DATABASE STAMP: prints what the dump holds.
back_up() {
  local database=$1 folder=$BACKUPS/$1 file=$BACKUPS/$1/$2.dump started=$SECONDS snapshot work
  mkdir -p "$folder"
  rm -f "$folder"/*.partial # of a run that was cut short
  work=$(mktemp -d)
  # shellcheck disable=SC2064 # the values of now
  trap "rm -rf '$work'; drop_scratch '$database' 2>/dev/null || true" EXIT

  # A session that stays open keeps the snapshot that the dump and the count share. What is written to one that was
  # refused must not end this script, which then would not say why.
  trap '' PIPE
  coproc HOLDER { sql --dbname="$database" 2>"$work/refusal"; }
  # shellcheck disable=SC2153 # set by coproc
  local holder=$HOLDER_PID to=${HOLDER[1]} from=${HOLDER[0]}
  printf 'begin isolation level repeatable read, read only;\nselect pg_export_snapshot();\n' >&"$to" || true
  read -r -t 60 snapshot <&"$from" ||
    fail "$database: the server gave no snapshot: $(grep . "$work/refusal" || echo 'no answer within 60 s')"

  pg_dump --dbname="$database" --format=custom --snapshot="$snapshot" --lock-wait-timeout=60s --file="$file.partial"
  sync "$file.partial"
  printf '%s\n\\o\ncommit;\n\\q\n' "\\o $work/expected
$COUNT_ROWS" >&"$to" || true
  wait "$holder" || fail "$database: its rows could not be counted: $(cat "$work/refusal")"

  drop_scratch "$database"
  sql --command="create database \"scratch_$database\" template template0"
  pg_restore --dbname="scratch_$database" --exit-on-error --no-owner --no-privileges "$file.partial"
  sql --dbname="scratch_$database" --file=- <<<"$COUNT_ROWS" >"$work/restored"
  diff --unified=0 "$work/expected" "$work/restored" >&2 || fail "$database: the restored rows differ from the dumped ones"
  drop_scratch "$database"

  mv "$file.partial" "$file"
  sync "$folder"
  say "$database: $(stat -c %s "$file") bytes, $(wc -l <"$work/expected") tables," \
    "$(awk '{rows += $NF} END {print rows + 0}' "$work/expected") rows, restored and compared in $((SECONDS - started)) s"
}

# prune FOLDER: of the dumps, named by their time, keeps the newest of each of so many days, weeks and months.
prune() {
  local file day kept
  local -A seen=() count=()
  for file in $(find "$1" -maxdepth 1 -name '*.dump' | sort -r); do
    day=$(basename "$file" .dump)
    day=${day%%T*}
    kept=no
    newest_of day "$day" "$KEEP_DAILY" && kept=yes
    newest_of week "$(date -u -d "$day" +%G-%V)" "$KEEP_WEEKLY" && kept=yes
    newest_of month "${day%-*}" "$KEEP_MONTHLY" && kept=yes
    [[ $kept == yes ]] || { rm "$file" && say "pruned $file"; }
  done
}

# newest_of KIND PERIOD LIMIT: true for the first dump of a period, for the first LIMIT periods of a kind.
newest_of() {
  [[ -z ${seen["$1 $2"]:-} ]] || return 1
  seen["$1 $2"]=yes
  count[$1]=$((${count[$1]:-0} + 1))
  ((count[$1] <= $3))
}

main() {
  local database stamp
  umask 077
  exec 9>"$BACKUPS/.lock"
  flock --wait 3000 9 || fail "another backup has been running for 50 minutes"
  stamp=$(date -u +%FT%H%M%SZ)
  for database in $DATABASES; do
    (back_up "$database" "$stamp")
  done
  printf '{"finished": %s, "stamp": "%s", "databases": "%s"}\n' "$(date +%s)" "$stamp" "$DATABASES" >"$BACKUPS/status.json.partial"
  sync "$BACKUPS/status.json.partial"
  mv "$BACKUPS/status.json.partial" "$BACKUPS/status.json"
  for database in $DATABASES; do
    prune "$BACKUPS/$database"
  done
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi
