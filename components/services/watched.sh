# shellcheck shell=sh
# How a file comes into a folder that Traefik watches: whole or not at all, while it serves.
set -eu

# watched FOLDER OWNER NAME COMMAND...: what COMMAND writes becomes NAME.yaml
watched() {
  into=$1
  owned_by=$2
  name=$3
  shift 3
  umask 077
  mkdir -p "$into"
  # Not *.yaml: Traefik must not read it before it is whole.
  new=$(mktemp "$into/.$name.XXXXXX")
  "$@" >"$new"
  if [ "$(id -u)" -eq 0 ]; then
    chown "$owned_by" "$into" "$new"
    chmod 0500 "$into"
    chmod 0400 "$new"
  else
    # In a folder that only this user can enter.
    chmod 0755 "$into"
    chmod 0444 "$new"
  fi
  mv -f "$new" "$into/$name.yaml"
}
