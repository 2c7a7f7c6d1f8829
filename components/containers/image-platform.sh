#!/bin/sh
#
# Ends with 1 if an image is not for this machine: its container would say "exec format error", and no more.
#
#   sh -s -- SETTING=IMAGE...
set -eu

here=$(docker version --format '{{.Server.Os}}/{{.Server.Arch}}')
wrong=0
for pair in "$@"; do
  its=$(docker image inspect --format '{{.Os}}/{{.Architecture}}' "${pair#*=}")
  [ "$its" = "$here" ] && continue
  echo "${pair%%=*} is for $its, and the server is $here: build it with --platform $here, and deploy again"
  wrong=1
done
exit "$wrong"
