#!/usr/bin/env bash
#
# Ends with 0 while the last good backup is younger than MAXIMUM_AGE_HOURS.
set -euo pipefail

: "${BACKUPS:?}" "${MAXIMUM_AGE_HOURS:?}"
finished=$(sed -n 's/.*"finished": \([0-9]*\).*/\1/p' "$BACKUPS/status.json" 2>/dev/null || true)
if [[ -z $finished ]]; then
  echo "no backup was finished yet"
  exit 1
fi
age=$((($(date +%s) - finished) / 3600))
echo "the last good backup is $age h old"
((age < MAXIMUM_AGE_HOURS))
