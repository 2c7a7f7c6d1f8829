#!/usr/bin/env bash
#
# What the scripts of a backup share: how the server is asked, and how a failure is told. To be sourced.
#
# Where the server is, is in PGHOST, PGUSER and PGPASSWORD.

# No limit that is meant for applications ends a backup: a session of it idles while the dump is written. What is compared
# as text must look the same on both sides, whatever a database or a role is set to.
export PGDATABASE=postgres PGCONNECT_TIMEOUT=10
export PGOPTIONS="-c client_min_messages=warning \
-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0 -c idle_session_timeout=0 \
-c datestyle=ISO -c intervalstyle=postgres -c timezone=UTC -c extra_float_digits=3 -c bytea_output=hex -c lc_monetary=C \
-c search_path="

# Which is no option of PGOPTIONS, but of the line.
export PGSERVICEFILE=${BASH_SOURCE[0]%/*}/service.conf PGSERVICE=backup

say() { printf '%s %s\n' "$(date -u +%FT%TZ)" "$*"; }

# fail REASON: one line; where WORK is set, whoever started this reads it there.
fail() {
  say "ERROR: $*" >&2
  if [[ -n ${WORK:-} ]]; then printf '%s\n' "$*" | head -n 1 >"$WORK/reason"; fi
  exit 1
}

sql() { psql --no-psqlrc --quiet --no-align --tuples-only --set=ON_ERROR_STOP=1 "$@"; }

# first_error FILE: the line of a program's complaints that says what was wrong; `-` is standard input. What the server said
# pg_dump has as a detail.
first_error() {
  local said server
  said=$(cat "$1" 2>/dev/null)
  server=$(sed -n '/detail: Error message from server: *./{s/.*server: *//p;q}' <<<"$said")
  if [[ -n $server ]]; then
    echo "$server"
  else
    grep -m 1 -E 'error:|ERROR:|FATAL:|PANIC:' <<<"$said" || grep -m 1 . <<<"$said" || echo 'it said nothing'
  fi
}

# identity: of the cluster that serves.
identity() { sql --command='select system_identifier from pg_catalog.pg_control_system()'; }

# number FIELD FILE: of JSON in one line; nothing if it is not there.
number() { sed -n "s/.*\"$1\": \"\?\([0-9]*\).*/\1/p" "$2" 2>/dev/null || true; }

# failed FILE: keeps there why the run that is ending has failed.
failed() {
  printf '{"at": %s, "reason": "%s"}\n' "$(date +%s)" "$({ cat "$WORK/reason" 2>/dev/null || echo 'it was cut short'; } | tr -d '\\"\n')" >"$1"
}

# alive FILE: the sign of life of a run, until it is ended or this script is.
alive() {
  while sleep "$PROGRESS_SECONDS" >/dev/null 2>&1 9>&- && kill -0 "$$" 2>/dev/null; do touch "$1"; done
}

free_mb() { df --output=avail --block-size=1M "$1" | tail -n 1 | tr -d ' '; }

# whole PATH: writes standard input to a file, whole or not at all.
whole() {
  cat >"$1.partial"
  sync "$1.partial"
  mv "$1.partial" "$1"
}
