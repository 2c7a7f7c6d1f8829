#!/bin/sh
#
# Puts Traefik's dynamic configuration into the folder that it watches.
#
#   sh -s -- /srv/jira/files/traefik-dynamic 65532:65532 <unpacked.sh, watched.sh, this file, and: put <<'CONTENT' ... CONTENT
set -eu

folder=$1
owner=$2

put() { watched "$folder" "$owner" routes unpacked; }
