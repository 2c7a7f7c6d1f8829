#!/bin/sh
#
# Writes the files of one container into a folder that is named after their content, whole or not at all.
#
#   sh -s -- /srv/jira/files/api-0123456789ab 1000:1000 <unpacked.sh, this file, and: unpack <<'FILES' ... FILES
#
# As root the files belong to the container's user and are its alone. Without root (a developer's machine) they are
# readable, in a folder that only the developer can enter; Docker mounts from inside of it all the same.
set -eu

folder=$1
owner=$2

unpack() {
  # Named by content: what is there is right, and a running container may have it mounted.
  if [ -d "$folder" ]; then
    cat >/dev/null
    return
  fi
  umask 077
  mkdir -p "$(dirname "$folder")"
  new=$(mktemp -d "$folder.XXXXXX")
  # shellcheck disable=SC2064 # the name of now
  trap "rm -rf '$new'" EXIT
  extract "$new"
  if [ "$(id -u)" -eq 0 ]; then
    chown -R "$owner" "$new"
    find "$new" -type d -exec chmod 0500 {} +
    find "$new" -type f -exec chmod 0400 {} +
  else
    find "$new" -type d -exec chmod 0755 {} +
    find "$new" -type f -exec chmod 0444 {} +
  fi
  mv "$new" "$folder"
}
