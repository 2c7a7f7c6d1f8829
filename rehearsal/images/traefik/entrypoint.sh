#!/bin/sh
# Traefik's subcommands and flags may be given without its name.
set -e

if [ "${1#-}" != "$1" ]; then
  set -- traefik "$@"
elif [ -n "${1:-}" ] && traefik "$1" --help > /dev/null 2>&1; then
  set -- traefik "$@"
fi

exec "$@"
