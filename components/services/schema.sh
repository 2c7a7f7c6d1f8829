#!/bin/sh
#
# Brings both of Temporal's databases to the schema of these tools. May run any number of times.
# Who and where is in SQL_PLUGIN, SQL_HOST, SQL_PORT, SQL_USER and SQL_PASSWORD.
set -eu

schemas=${SCHEMAS:-/etc/temporal/schema}/postgresql/v12

# The tool tells each statement, hundreds of lines: shown only when it fails.
tool() {
  output=$(temporal-sql-tool "$@" 2>&1) || {
    code=$?
    printf '%s\n' "$output" >&2
    exit "$code"
  }
}

for database in temporal temporal_visibility; do
  # The tables of versions; it keeps a version that is there.
  tool --database "$database" setup-schema --version 0.0
  tool --database "$database" update-schema --schema-dir "$schemas/${database#temporal_}/versioned"
done
