#!/bin/bash
# Docker as restore.sh uses it: the containers are the files of PLACE/running (a name, with its service before the dash), their
# processes run here, and what is asked is written to PLACE/asked.
set -u
if [[ -e $PLACE/away ]]; then
  echo "Cannot connect to the Docker daemon" >&2
  exit 1
fi
case $1 in
  ps)
    for word; do [[ $word != label=jira-plus-plus.service=* ]] || service=${word#*service=}; done
    for file in "$PLACE/running/$service-"*; do [[ ! -e $file ]] || basename "$file"; done
    ;;
  exec)
    shift
    while [[ $1 == -* ]]; do
      [[ $1 != --env ]] || {
        export "${2?}"
        shift
      }
      shift
    done
    name=$1
    shift
    [[ $name != postgres-* ]] || export PGHOST=$SOCKET
    exec "$@"
    ;;
  stop | start)
    echo "$*" >>"$PLACE/asked"
    verb=$1
    shift
    for name; do
      if [[ $verb == stop ]]; then mv "$PLACE/running/$name" "$PLACE/resting/"; elif [[ -e $PLACE/resting/$name ]]; then mv "$PLACE/resting/$name" "$PLACE/running/"; fi
    done
    ;;
  inspect)
    shift 2
    format=$1
    shift
    for name; do
      if [[ $format == *service* ]]; then
        echo "${name%-*}"
      else
        echo "/$name is running, $(cat "$PLACE/health/$name" 2>/dev/null || echo healthy)"
      fi
    done
    ;;
esac
