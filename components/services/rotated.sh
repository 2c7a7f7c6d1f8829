#!/bin/sh
#
# Notes since when each secret is the one that it is, and prints it as one JSON object: name to moment (UTC, of this machine).
#
#   sh -s -- FILE NAME=NUMBER:FINGERPRINT...
#
# FILE has a line for each: name, fingerprint, moment. One whose fingerprint is another one has changed now, and one that is not
# given is there no more. The number, of its rotations, is for who reads the command.
set -eu

file=$1
shift
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)

mkdir -p "$(dirname "$file")"
touch "$file"
for each; do
  name=${each%%=*}
  fingerprint=${each##*:}
  since=$(sed -n "s/^$name $fingerprint //p" "$file")
  printf '%s %s %s\n' "$name" "$fingerprint" "${since:-$now}"
done >"$file.new"
mv "$file.new" "$file"
printf '{%s}\n' "$(sed 's/^\([^ ]*\) [^ ]* \(.*\)$/"\1": "\2"/' "$file" | paste -s -d , -)"
