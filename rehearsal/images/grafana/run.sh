#!/bin/sh
# Starts the server as the image does that has no arguments of its own.
exec grafana server --homepath="$GF_PATHS_HOME" --config="$GF_PATHS_CONFIG" --packaging=docker "$@"
