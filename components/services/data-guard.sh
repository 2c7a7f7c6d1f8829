#!/bin/sh
#
# Refuses a data folder that the server of an image cannot serve, before the server that runs is stopped for it; and puts in its
# place what was made of it for that image (`make upgrade-postgres`).
#
#   sh -s -- FOLDER IMAGE STACK
#
# Whose the data are is written beside the folder, where the first deploy finds nobody's. FOLDER.next is a whole cluster of another
# major version with all that is in this one, which takes no writes since: it becomes FOLDER. The server that still runs on the
# former keeps it under its new name (a mount follows the folder, not its name), and ends there as ever.
set -eu

folder=$1
image=$2
stack=$3
owner=$(dirname "$folder")/.stack
next=$folder.next

fail() {
  echo "ERROR: $*" >&2
  exit 1
}
version() { cat "$folder/PG_VERSION" 2>/dev/null || true; }

if [ -n "$(ls -A "$folder" 2>/dev/null)" ]; then
  if [ ! -s "$folder/PG_VERSION" ] || [ ! -s "$folder/global/pg_control" ]; then
    fail "$folder holds files and no whole database: it was cut off as it was made, or is something else's." \
      "If nothing in it is wanted: sudo mv $folder $folder.aside, and deploy again"
  fi
  other=$(cat "$owner" 2>/dev/null || echo "$stack")
  [ "$other" = "$stack" ] ||
    fail "$folder holds the data of the stack $other, and this is $stack: is it the right disk?" \
      "If it is to be $stack's from now on: echo $stack | sudo tee $owner, and deploy again"
fi
major=$(docker image inspect --format '{{range .Config.Env}}{{println .}}{{end}}' "$image" | sed -n 's/^PG_MAJOR=//p')
if [ -n "$major" ] && [ "$(cat "$next/PG_VERSION" 2>/dev/null)" = "$major" ] && [ "$(version)" != "$major" ]; then
  if [ -n "$(version)" ]; then mv "$folder" "$folder.before_$(date -u +%Y%m%dt%H%M%Sz)"; fi
  rmdir "$folder" 2>/dev/null || true # an empty one
  mv "$next" "$folder"
fi
there=$(version)
if [ -n "$there" ]; then
  [ "${major:-$there}" = "$there" ] ||
    fail "$folder was written by Postgres $there, and images.postgres is Postgres $major, which cannot read it." \
      "Keep $there, or move over: make upgrade-postgres STACK=$stack TO=$major (docs/runbook.md, \"Another major version of Postgres\")"
fi
echo "$stack" >"$owner"
# What is on the disk already is not left for the server's end, while nobody is served.
server=$(docker ps --quiet --filter "label=jira-plus-plus.stack=$stack" --filter label=jira-plus-plus.service=postgres | head -n 1)
[ -z "$server" ] || docker exec "$server" psql --no-psqlrc --quiet --username=postgres --dbname=postgres --command=checkpoint >/dev/null 2>&1 || true
