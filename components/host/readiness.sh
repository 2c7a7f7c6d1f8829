#!/bin/sh
#
# Waits until the user who runs this may use Docker, and prints the server's version.
set -eu

attempts=120
while ! version=$(docker version --format '{{.Server.Version}}' 2>&1); do
  attempts=$((attempts - 1))
  if [ "$attempts" -le 0 ]; then
    echo "ERROR: Docker did not answer within 120 s: $version" >&2
    exit 1
  fi
  sleep 1
done
echo "$version"
