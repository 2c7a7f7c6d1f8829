#!/bin/sh
# Becomes the engine, after noting which process that is; see engines.py.
echo "$$" >>"$ENGINE_NOTE"
exec "$ENGINE" "$@"
