#!/bin/sh
#
# Refuses a data folder that the server of an image cannot serve, before the server that runs is stopped for it.
#
#   sh -s -- FOLDER IMAGE STACK
#
# Whose the data are is written beside the folder, where the first deploy finds nobody's.
set -eu

folder=$1
image=$2
stack=$3
owner=$(dirname "$folder")/.stack

fail() {
  echo "ERROR: $*" >&2
  exit 1
}

if [ -n "$(ls -A "$folder" 2>/dev/null)" ]; then
  if [ ! -s "$folder/PG_VERSION" ] || [ ! -s "$folder/global/pg_control" ]; then
    fail "$folder holds files and no whole database: it was cut off as it was made, or is something else's." \
      "If nothing in it is wanted: sudo mv $folder $folder.aside, and deploy again"
  fi
  other=$(cat "$owner" 2>/dev/null || echo "$stack")
  [ "$other" = "$stack" ] ||
    fail "$folder holds the data of the stack $other, and this is $stack: is it the right disk?" \
      "If it is to be $stack's from now on: echo $stack | sudo tee $owner, and deploy again"
  there=$(cat "$folder/PG_VERSION")
  major=$(docker image inspect --format '{{range .Config.Env}}{{println .}}{{end}}' "$image" | sed -n 's/^PG_MAJOR=//p')
  [ "${major:-$there}" = "$there" ] ||
    fail "$folder was written by Postgres $there, and images.postgres is Postgres $major, which cannot read it." \
      "Keep $there, or move over by a dump: docs/runbook.md, \"Another major version of Postgres\""
fi
echo "$stack" >"$owner"
