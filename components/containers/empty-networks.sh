#!/bin/sh
#
# Removes whatever container of a stack is left, before its networks go: one of an update that failed or was killed.
#
#   sh -s -- STACK
set -eu

for each in $(docker ps --all --quiet --filter "label=jira-plus-plus.stack=$1"); do
  { docker stop "$each" && docker rm --force --volumes "$each"; } >/dev/null &
done
wait
