#!/bin/sh
#
# Waits until a container of a release is well. What does not get well is stopped, so that it takes no task, and the
# beginning of its log is the error; the log stays.
#
#   sh -s -- CONTAINER SECONDS MARK <this file, followed by: await_healthy CHECK...
#
# CHECK is its health check, asked here without Docker's pauses. MARK is the file that is made once it holds, by which
# the container knows (healthcheck.js); empty: none.
set -eu

container=$1
seconds=$2
mark=$3

RESTARTS=3 # a process may fail once or twice while what it needs comes up; Docker then waits longer each time
LINES=25

asked() { docker inspect --format "$1" "$container"; }

fail() {
  echo "$container $1: it is stopped, and what served before serves on."
  echo "Its log begins so:"
  docker logs "$container" 2>&1 | head -n "$LINES" | sed 's/^/  | /'
  docker stop "$container" >/dev/null
  echo "Mend the image or what it needs and deploy again, or go back with make rollback; the whole log: docker logs"
  echo "$container on the server (docs/runbook.md, A container is unhealthy)"
  exit 1
}

await_healthy() {
  docker start "$container" >/dev/null # one that runs runs on; an earlier run may have stopped it
  begun=$(date +%s)
  told=$begun
  while :; do
    if said=$(docker exec "$container" "$@" 2>&1 </dev/null); then
      break
    fi
    now=$(date +%s)
    # While it runs again its code is forgotten.
    code=$(asked '{{if .State.Restarting}}{{.State.ExitCode}}{{end}}')
    [ -z "$code" ] || [ "$(asked '{{.RestartCount}}')" -lt "$RESTARTS" ] || fail "ended $RESTARTS times, with code $code"
    [ $((now - begun)) -lt "$seconds" ] || fail "was not well within $seconds s (its check: ${said:-no answer})"
    if [ $((now - told)) -ge 15 ]; then
      echo "$container is not well yet, after $((now - begun)) s: ${said:-no answer}" >&2
      told=$now
    fi
    sleep 0.3
  done
  [ -z "$mark" ] || touch "$mark"
}
