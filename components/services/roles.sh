#!/usr/bin/env bash
#
# Makes the roles and databases, and brings them to what the secrets say. May run any number of times.
# Runs in the database's container, as its superuser over its socket; passwords come from files and reach no log.
#
#   roles.sh JIRA MIGRATION TEMPORAL BACKUP MONITORING: how many connections each of these roles may have at once;
#     JIRA_LOGIN TEMPORAL_LOGIN: who logs in for two of them, see logins.py
set -euo pipefail

(($# == 7))
jira=$1 migration=$2 temporal=$3 backup=$4 monitoring=$5 jira_login=$6 temporal_login=$7

export PGOPTIONS="-c client_min_messages=warning"
secrets=${SECRETS_FOLDER:-/run/roles}

sql() { psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username=postgres --dbname=postgres; }

# role NAME ATTRIBUTES [SECRET]: the password is the content of SECRET, by default that of the role's name.
role() {
  sql <<SQL
set log_statement = 'none';
set log_min_duration_statement = -1;
set log_min_error_statement = 'panic';
\set password \`cat $secrets/${3:-$1}\`
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

plain='nosuperuser nocreatedb nocreaterole noreplication'
ordinary="login $plain"

# owner NAME LOGIN LIMIT: a role that owns, and who logs in for it. Where that is another one, what it makes is the owner's, too; whether
# the owner may log in stays as it is, for containers of before may still do so (former-logins.sh comes after them).
owner() {
  if [[ $1 != "$2" ]]; then
    sql <<SQL
select 'create role "$1" nologin' where not exists (select from pg_roles where rolname = '$1') \gexec
alter role "$1" with $plain;
SQL
  fi
  role "$2" "$ordinary connection limit $3" "$1"
  if [[ $1 != "$2" ]]; then
    sql <<<"grant \"$1\" to \"$2\"; alter role \"$2\" set role to \"$1\";"
  fi
}

role postgres 'login superuser'
owner jira "$jira_login" "$jira"
owner temporal "$temporal_login" "$temporal"
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
