#!/bin/sh
# haproxy's flags may be given without its name; it runs as a master that reloads its workers.
set -e

if [ "${1#-}" != "$1" ]; then
  set -- haproxy "$@"
fi
if [ "$1" = haproxy ]; then
  shift
  set -- haproxy -W -db "$@"
fi

exec "$@"
