#!/bin/sh
#
# Removes the files of a container, once no container mounts them any more: the engine may ask for it while the container
# is still draining. One that stays keeps them: an interrupted update can ask for the removal of what a later one took
# into use again.
#
#   sh -s -- /srv/jira/files/api-0123456789ab <mounted.sh, and this file
set -eu

folder=$1
seconds=${IN_USE_SECONDS:-150} # a container's longest drain, and its end

while mounted "$folder"; do
  if [ "$seconds" -le 0 ]; then
    echo "$folder stays: a container uses it"
    exit
  fi
  seconds=$((seconds - 1))
  sleep 1
done
rm -rf "$folder"
rmdir "$(dirname "$folder")" 2>/dev/null || true # with the last of them
