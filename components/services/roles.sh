#!/usr/bin/env bash
#
# Makes the roles and databases, and brings them to what the secrets say. May run any number of times.
# Runs in the database's container, as its superuser over its socket; passwords come from files and reach no log.
set -euo pipefail

export PGOPTIONS="-c client_min_messages=warning"
secrets=${SECRETS_FOLDER:-/run/secrets}

sql() { psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username=postgres --dbname=postgres; }

# role NAME ATTRIBUTES: the password is the content of the secret of that name.
role() {
  sql <<SQL
set log_statement = 'none';
set log_min_duration_statement = -1;
set log_min_error_statement = 'panic';
\set password \`cat $secrets/$1\`
select 'create role "$1"' where not exists (select from pg_roles where rolname = '$1') \gexec
alter role "$1" with $2 password :'password';
SQL
}

# database NAME OWNER: no one but the owner and the backup may connect.
database() {
  sql <<SQL
select 'create database "$1" owner "$2"' where not exists (select from pg_database where datname = '$1') \gexec
alter database "$1" owner to "$2";
revoke all on database "$1" from public;
grant connect on database "$1" to backup;
SQL
}

ordinary='login nosuperuser nocreatedb nocreaterole noreplication'
role postgres 'login superuser'
role jira "$ordinary"
role temporal "$ordinary"
# It reads every row and makes the database of its trial restore; it can write to nothing else.
role backup 'login nosuperuser createdb nocreaterole noreplication bypassrls'
sql <<<'grant pg_read_all_data to backup;'

database jira jira
database temporal temporal
database temporal_visibility temporal
sql <<<'revoke all on database postgres from public; grant connect on database postgres to backup;'
