#!/bin/sh
#
# Removes the files of a container, unless one that mounts them is still there: an interrupted update can ask for the
# removal of what a later one took into use again.
#
#   sh -s -- /srv/jira/files/api-0123456789ab
set -eu

folder=$1

containers=$(docker ps --all --quiet)
# shellcheck disable=SC2086 # one word each
if [ -n "$containers" ] &&
  docker inspect --format '{{range .Mounts}}{{printf "%s/\n" .Source}}{{end}}' $containers | grep -q -F "$folder/"; then
  echo "$folder stays: a container uses it"
  exit
fi
rm -rf "$folder"
rmdir "$(dirname "$folder")" 2>/dev/null || true # with the last of them
