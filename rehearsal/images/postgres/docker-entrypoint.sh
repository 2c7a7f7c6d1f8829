#!/usr/bin/env bash
# Starts Postgres as the official image does: with an empty PGDATA it first makes the cluster, the user and database
# that POSTGRES_USER, POSTGRES_PASSWORD(_FILE) and POSTGRES_DB name, and runs /docker-entrypoint-initdb.d/*.
set -Eeuo pipefail

# The value of NAME, or the content of the file that NAME_FILE names.
setting() {
  local name=$1 default=${2:-} file=${1}_FILE
  if [[ -n ${!name:-} && -n ${!file:-} ]]; then
    echo >&2 "error: both $name and $file are set (but are exclusive)"
    exit 1
  fi
  if [[ -n ${!file:-} ]]; then
    cat "${!file}"
  else
    printf '%s' "${!name:-$default}"
  fi
}

make_cluster() {
  local method
  if [[ -z $password && ${POSTGRES_HOST_AUTH_METHOD:-} != trust ]]; then
    echo >&2 "Error: Database is uninitialized and superuser password is not specified."
    echo >&2 "       You must specify POSTGRES_PASSWORD to a non-empty value for the superuser."
    exit 1
  fi
  # The arguments are one string with a shell's quoting, as in the official image.
  eval "initdb --username=\"\$user\" --pwfile=<(printf '%s\n' \"\$password\") ${POSTGRES_INITDB_ARGS:-}"
  method=${POSTGRES_HOST_AUTH_METHOD:-$(postgres -C password_encryption)}
  printf '\nhost all all all %s\n' "$method" >> "$PGDATA/pg_hba.conf"
}

sql() { psql -v ON_ERROR_STOP=1 --no-password --no-psqlrc --username "$user" --dbname "${database:-postgres}" "$@"; }

run_init_files() {
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in
      *.sh)
        echo "$0: running $file"
        if [[ -x $file ]]; then
          "$file"
        else
          # shellcheck source=/dev/null
          source "$file"
        fi
        ;;
      *.sql) echo "$0: running $file" && sql --file "$file" ;;
      *.sql.gz) echo "$0: running $file" && gunzip --stdout "$file" | sql ;;
      *.sql.xz) echo "$0: running $file" && xzcat "$file" | sql ;;
      *.sql.zst) echo "$0: running $file" && zstd --decompress --stdout "$file" | sql ;;
      *) [[ ! -e $file ]] || echo "$0: ignoring $file" ;;
    esac
  done
}

initialise() {
  local user password database
  user=$(setting POSTGRES_USER postgres)
  password=$(setting POSTGRES_PASSWORD)
  make_cluster
  export PGPASSWORD=$password
  # Reachable by its socket alone, so that nobody takes a half-made database for a ready one.
  pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -p ${PGPORT:-5432}" -w start
  database=
  local wanted
  wanted=$(setting POSTGRES_DB "$user")
  if [[ $(sql --dbname postgres --tuples-only --no-align -c "select 1 from pg_database where datname = '$wanted'") != 1 ]]; then
    sql --dbname postgres --set name="$wanted" <<< 'create database :"name";'
  fi
  database=$wanted
  export POSTGRES_USER=$user POSTGRES_PASSWORD=$password POSTGRES_DB=$database
  run_init_files
  pg_ctl -D "$PGDATA" -m fast -w stop
  unset PGPASSWORD POSTGRES_PASSWORD
  printf '\nPostgreSQL init process complete; ready for start up.\n\n'
}

only_asks() {
  local argument
  for argument; do
    case $argument in
      '-?' | --help | --describe-config | -V | --version) return 0 ;;
    esac
  done
  return 1
}

if [[ ${1:-} == -* ]]; then
  set -- postgres "$@"
fi

if [[ ${1:-} == postgres ]] && ! only_asks "$@"; then
  mkdir -p "$PGDATA"
  chmod 700 "$PGDATA" || true
  if [[ $(id -u) == 0 ]]; then
    mkdir -p /var/run/postgresql
    chmod 3775 /var/run/postgresql || true
    find "$PGDATA" ! -user postgres -exec chown postgres {} +
    find /var/run/postgresql ! -user postgres -exec chown postgres {} +
    exec setpriv --reuid postgres --regid postgres --init-groups "${BASH_SOURCE[0]}" "$@"
  fi
  if [[ -s $PGDATA/PG_VERSION ]]; then
    printf '\nPostgreSQL Database directory appears to contain a database; Skipping initialization\n\n'
  else
    initialise
  fi
fi

exec "$@"
