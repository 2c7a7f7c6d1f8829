#!/bin/sh
#
# Stands between Docker and a process that takes its secrets from the environment, or must not run on and on, or does
# not drain by itself.
#
#   entrypoint.sh [--drain SECONDS] [--timeout SECONDS] -- COMMAND [ARGUMENT...]
#
# Each file in /run/secrets becomes an environment variable of its name, for COMMAND alone: `docker inspect` shows none.
# --drain: COMMAND goes on serving for so long after SIGTERM, while the proxy turns to others, and only then gets it.
# --timeout: COMMAND gets SIGTERM after so long, and SIGKILL 10 s later.
set -eu

drain=0
timeout=0
while [ $# -gt 0 ]; do
  case $1 in
    --drain) drain=$2 && shift 2 ;;
    --timeout) timeout=$2 && shift 2 ;;
    --) shift && break ;;
    *) echo "entrypoint.sh: unknown option $1" >&2 && exit 64 ;;
  esac
done

for file in "${SECRETS_FOLDER:-/run/secrets}"/*; do
  [ -f "$file" ] || continue
  value=$(cat "$file")
  export "${file##*/}=$value"
done

if [ "$timeout" -gt 0 ]; then
  set -- timeout -k 10 "$timeout" "$@"
fi
if [ "$drain" -eq 0 ]; then
  exec "$@"
fi

# The trap comes first: a signal that arrives while the command starts is kept for it.
child=
asked=
trap 'sleep "$drain"; asked=yes; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null || true' TERM
"$@" &
child=$!
[ -z "$asked" ] || kill -TERM "$child" 2>/dev/null || true

# A trap ends `wait` with a code above 128, though the process lives on.
while :; do
  code=0
  wait "$child" || code=$?
  kill -0 "$child" 2>/dev/null || break
done
exit "$code"
