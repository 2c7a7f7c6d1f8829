#!/usr/bin/env bash
#
# Makes the roles and databases, and brings them to what the secrets say. May run any number of times.
# Runs in the database's container, as its superuser over its socket; passwords come from files and reach no log.
#
#   roles.sh JIRA MIGRATION TEMPORAL BACKUP MONITORING: how many connections each of these roles may have at once.
set -euo pipefail

(($# == 5))
jira=$1 migration=$2 temporal=$3 backup=$4 monitoring=$5

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

# database NAME OWNER: no one but the owner and the backup may connect, and they may: one that is gone back to after an upgrade was
# shut for it (operations/upgrade/upgrade.sh).
database() {
  sql <<SQL
select 'create database "$1" owner "$2"' where not exists (select from pg_database where datname = '$1') \gexec
alter database "$1" owner to "$2";
alter database "$1" connection limit -1;
revoke all on database "$1" from public;
grant connect on database "$1" to backup;
SQL
}

ordinary='login nosuperuser nocreatedb nocreaterole noreplication'
role postgres 'login superuser'
role jira "$ordinary connection limit $jira"
role temporal "$ordinary connection limit $temporal"
# Another login of the application's: with connections of its own, and what it makes belongs to jira.
role migration "$ordinary connection limit $migration"
sql <<<'grant jira to migration; alter role migration set role to jira;'
# It reads every row, and can write to nothing.
role backup "login nosuperuser nocreatedb nocreaterole noreplication bypassrls connection limit $backup"
# It may begin and end a backup of the whole cluster, and name a moment of its log, for stacks that archive that.
sql <<<'grant pg_read_all_settings, pg_checkpoint to backup;
grant execute on function pg_backup_start(text, boolean), pg_backup_stop(boolean), pg_switch_wal(), pg_create_restore_point(text) to backup;'
# The second is for large objects, which the first leaves out.
sql <<<'grant pg_read_all_data to backup; alter role backup set lo_compat_privileges = on;'
# It reads what the server says of itself, and no row.
role monitoring "$ordinary connection limit $monitoring"
sql <<<'grant pg_monitor to monitoring;'

database jira jira
database temporal temporal
database temporal_visibility temporal
sql <<<'revoke all on database postgres from public; grant connect on database postgres to backup, monitoring;'
