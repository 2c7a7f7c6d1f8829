#!/bin/sh
#
# heartbeat.sh HEARTBEAT SECONDS: ends with 0 while the file was written within so many seconds, by the clock that nobody
# sets: the time since the machine's boot.
set -eu

if ! read -r last <"$1"; then
  echo "$1: nothing was written yet"
  exit 1
fi
read -r now _ </proc/uptime
age=$((${now%.*} - last))
echo "the last look that succeeded was $age s ago"
[ "$age" -ge 0 ] && [ "$age" -le "$2" ]
