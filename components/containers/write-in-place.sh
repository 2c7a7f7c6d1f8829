#!/bin/sh
#
# Writes files into a folder that containers have mounted, while they run: each whole or not at all. What is not among them goes.
#
#   sh -s -- /srv/jira/files/postgres-passwords 999:999 <unpacked.sh, this file, and: unpack <<'FILES' ... FILES
#
# As root the files belong to the container's user and are its alone. Without root (a developer's machine) they are
# readable, in a folder that only the developer can enter; Docker mounts from inside of it all the same.
set -eu

folder=$1
owner=$2

unpack() {
  umask 077
  mkdir -p "$folder"
  rm -rf "$folder"/.unfinished-* # of one that was killed
  new=$(mktemp -d "$folder/.unfinished-XXXXXX")
  # shellcheck disable=SC2064 # the name of now
  trap "rm -rf '$new'" EXIT
  extract "$new"
  directories=0755 files=0444
  if [ "$(id -u)" -eq 0 ]; then
    directories=0500 files=0400
    chown -R "$owner" "$new"
    chown "$owner" "$folder"
  fi
  find "$new" -type f -exec chmod "$files" {} +
  wanted=$(cd "$new" && find . -type f)
  for path in $wanted; do # without blanks: our own names
    mkdir -p "$folder/${path%/*}"
    mv -f "$new/$path" "$folder/$path"
  done
  rm -rf "$new"
  (cd "$folder" && find . -type f) | while read -r path; do
    printf '%s\n' "$wanted" | grep -qxF "$path" || rm -f "$folder/$path"
  done
  # A folder stays the one that is mounted.
  [ "$(id -u)" -ne 0 ] || find "$folder" -type d -exec chown "$owner" {} +
  find "$folder" -type d -exec chmod "$directories" {} +
}
