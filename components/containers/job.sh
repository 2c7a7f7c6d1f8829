# shellcheck shell=sh
# Runs a job in a container of a fixed name; its options and command are the arguments.
#
# A job whose session was lost (the engine was killed, the line broke) may still be at work: two migrations at once
# help nobody. Each job ends by itself, for the entrypoint shim bounds its time.
set -eu

name=$1
shift
docker wait "$name" >/dev/null 2>&1 || true
docker rm --force "$name" >/dev/null 2>&1 || true
exec docker run --rm --name="$name" "$@"
