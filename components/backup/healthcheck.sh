#!/usr/bin/env bash
#
# Ends with 0 while the last good backup is younger than MAXIMUM_AGE_HOURS, and while one that shows signs of life is being made
# in its place; says which, and else why there is none.
set -euo pipefail

: "${BACKUPS:?}" "${MAXIMUM_AGE_HOURS:?}"
LIFE_SECONDS=${LIFE_SECONDS:-300} # between two of its signs of life, at most
HOUR=3600

number() { sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" "$2" 2>/dev/null || true; }

now=$(date +%s)
finished=$(number finished "$BACKUPS/status.json")
reason=$(sed -n 's/.*"reason": "\([^"]*\)".*/; since then: \1/p' "$BACKUPS/failure.json" 2>/dev/null || true)
if [[ -z $finished ]]; then
  state="no backup was finished yet"
else
  state="the last good backup is $(((now - finished) / HOUR)) h old"
  if (((now - finished) / HOUR < MAXIMUM_AGE_HOURS)); then
    echo "$state$reason"
    exit
  fi
fi
begun=$(cat "$BACKUPS/running" 2>/dev/null || true)
life=$(stat --format=%Y "$BACKUPS/running" 2>/dev/null || echo 0)
if [[ -n $begun && -z $reason ]] && ((now - life < LIFE_SECONDS && now - begun < MAXIMUM_AGE_HOURS * HOUR)); then
  echo "$state; one has been under way for $(((now - begun) / 60)) minutes"
  exit
fi
echo "$state$reason"
exit 1
