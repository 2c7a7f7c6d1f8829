#!/bin/sh
#
# Puts Traefik's dynamic configuration into the folder that it watches, whole or not at all, while it serves.
#
#   sh -s -- /srv/jira/files/traefik-dynamic 65532:65532 <this file, followed by: put <<'CONTENT' ... CONTENT
set -eu

folder=$1
owner=$2

put() {
  umask 077
  mkdir -p "$folder"
  # Not *.yaml: Traefik must not read it before it is whole.
  new=$(mktemp "$folder/.routes.XXXXXX")
  base64 -d >"$new"
  if [ "$(id -u)" -eq 0 ]; then
    chown "$owner" "$folder" "$new"
    chmod 0500 "$folder"
    chmod 0400 "$new"
  else
    # In a folder that only this user can enter.
    chmod 0755 "$folder"
    chmod 0444 "$new"
  fi
  mv -f "$new" "$folder/routes.yaml"
}
