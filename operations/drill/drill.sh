#!/usr/bin/env bash
#
# Runs a drill in the container that has what leaves the machine.
#
#   drill.sh CONTAINER KIND
set -euo pipefail

HERE=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
trap 'echo "$?" >"$HERE/code"' EXIT
# The shim gives a command there its secrets.
docker exec "$1" /bin/sh /run/jira/entrypoint.sh -- bash /etc/jira/drill.sh run "$2" 2>&1
