#!/bin/sh
#
# Removes the files of a container, once no container mounts them any more: the engine may ask for it while the container
# is still draining. One that stays keeps them: an interrupted update can ask for the removal of what a later one took
# into use again.
#
#   sh -s -- /srv/jira/files/api-0123456789ab
set -eu

folder=$1
seconds=${IN_USE_SECONDS:-150} # a container's longest drain, and its end

mounted() {
  containers=$(docker ps --all --quiet) || exit
  # A container that goes meanwhile is an error of inspect's, and mounts nothing.
  # shellcheck disable=SC2086 # one word each
  [ -n "$containers" ] &&
    docker inspect --format '{{range .Mounts}}{{printf "%s/\n" .Source}}{{end}}' $containers 2>/dev/null | grep -q -F "$folder/"
}

while mounted; do
  if [ "$seconds" -le 0 ]; then
    echo "$folder stays: a container uses it"
    exit
  fi
  seconds=$((seconds - 1))
  sleep 1
done
rm -rf "$folder"
rmdir "$(dirname "$folder")" 2>/dev/null || true # with the last of them
