#!/bin/sh
#
# Notes a release that was found good, and prints the last of them as a JSON list, the newest first.
#
#   sh -s -- FILE KEEP ENTRY
#
# FILE has one JSON object in each line; ENTRY is such an object, without the time (`when`, UTC, of this machine). An
# ENTRY that is there already is noted once: of a run that was killed nobody knows whether it got here.
set -eu

file=$1
keep=$2
entry=${3#?}

mkdir -p "$(dirname "$file")"
touch "$file"
{
  printf '{"when": "%s", %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$entry"
  { grep -v -F "$entry" "$file" || true; } | head -n $((keep - 1))
} >"$file.new"
mv "$file.new" "$file"
printf '[%s]\n' "$(paste -s -d , "$file")"
