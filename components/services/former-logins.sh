#!/usr/bin/env bash
#
# Shuts the logins that a role had before, once nothing uses them: nobody gets in with them any more, and who is in is put out.
# May run any number of times. Runs in the database's container, as its superuser over its socket.
#
#   former-logins.sh OWNER=LOGIN...: LOGIN is the one of OWNER, OWNER_a and OWNER_b that stays
set -euo pipefail

export PGOPTIONS="-c client_min_messages=warning"

for pair; do
  owner=${pair%%=*} login=${pair#*=}
  for former in "$owner" "${owner}_a" "${owner}_b"; do
    [[ $former != "$login" ]] || continue
    psql --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 --username=postgres --dbname=postgres <<SQL
select 'alter role "$former" nologin password null' from pg_roles where rolname = '$former' and rolcanlogin \gexec
select pg_catalog.count(pg_catalog.pg_terminate_backend(pid, 5000)) as ended from pg_stat_activity where usename = '$former' \gset
select :ended > 0 as some \gset
\if :some
\echo :ended sessions of $former were ended
\endif
SQL
  done
done
