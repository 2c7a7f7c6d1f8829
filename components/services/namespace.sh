#!/bin/sh
#
# Makes the namespace, or sets its retention. May run any number of times; waits for a server that has just started.
set -eu

attempts=60
until temporal operator cluster health >/dev/null 2>&1; do
  attempts=$((attempts - 1))
  [ "$attempts" -gt 0 ] || { echo "Temporal at $TEMPORAL_ADDRESS is not healthy after 60 s" >&2 && exit 1; }
  sleep 1
done

if temporal operator namespace describe --namespace "$NAMESPACE" >/dev/null 2>&1; then
  temporal operator namespace update --namespace "$NAMESPACE" --retention "$RETENTION"
else
  temporal operator namespace create --namespace "$NAMESPACE" --retention "$RETENTION"
fi

# A new namespace reaches the server's cache within some seconds; a worker that starts before fails.
attempts=30
until temporal workflow count --namespace "$NAMESPACE" >/dev/null 2>&1; do
  attempts=$((attempts - 1))
  [ "$attempts" -gt 0 ] || { echo "namespace $NAMESPACE does not answer after 30 s" >&2 && exit 1; }
  sleep 1
done
