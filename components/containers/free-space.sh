#!/bin/sh
#
# Fails where a folder's disk has less room than is needed, before anything is written to it.
#
#   sh -s -- PATH MB REMEDY [PATH MB REMEDY]...
set -eu

full=
while [ $# -gt 0 ]; do
  folder=$1
  while [ ! -e "$folder" ]; do folder=$(dirname "$folder"); done # it is yet to be made
  free=$(($(df --output=avail --block-size=1M "$folder" | tail -n 1)))
  if [ "$free" -lt "$2" ]; then
    echo "ERROR: $1 has $free MB free, and a deploy needs $2 MB there: $3 (docs/runbook.md, \"A full disk\")" >&2
    full=yes
  fi
  shift 3
done
[ -z "$full" ]
