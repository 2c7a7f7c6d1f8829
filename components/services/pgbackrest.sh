#!/usr/bin/env bash
#
# pgBackRest, with the arguments of this script, for the cluster CLUSTER (`all` for none of them), or else the one in PGDATA.
#
# Each cluster has a part of the repository (a stanza) under the name of its own identity, Postgres' system identifier: a stack
# that was made anew never writes into its former's. Where to is in pgBackRest's own variables (PGBACKREST_REPO1_…), of which
# those that are secret are files in SECRETS; ARCHIVE is the folder there, which is the stack's. The server calls this as its
# archive_command, in which pgBackRest looks for its name.
# https://pgbackrest.org/configuration.html
set -euo pipefail

export PGBACKREST_REPO1_PATH=/${ARCHIVE:?}
SECRETS=${SECRETS:-/run/secrets}

for file in "$SECRETS"/PGBACKREST_*; do
  if [[ -r $file ]]; then export "${file##*/}=$(<"$file")"; fi
done
# The first eight bytes of the control file.
# https://github.com/postgres/postgres/blob/REL_15_STABLE/src/include/catalog/pg_control.h
identity() { od --address-radix=n --format=u8 --read-bytes=8 "$PGDATA/global/pg_control" | tr -d ' '; }

if [[ ${CLUSTER:-} != all ]]; then set -- --stanza="${CLUSTER:-$(identity)}" "$@"; fi
exec pgbackrest "$@"
