#!/bin/sh
#
# alerts.sh COMMAND [ARGUMENT...]: runs COMMAND once the store of metrics answers at the URL in STORE.
#
# vmalert asks it once, after its first look, what it had been waiting for and since when. After a reboot both start at the same
# moment: what fires would be told as resolved, and would have to last for its whole time again.
set -eu

until wget -q -T 5 -O /dev/null "$STORE"; do
  sleep 1
done
exec "$@"
