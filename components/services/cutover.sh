#!/bin/sh
#
# Gives the traffic to the containers of a release. When the proxy serves well from them, those before drain and go.
#
#   sh -s -- FOLDER OWNER FILES STACK SERVICE=[CONTAINER]... \
#     <mounted.sh, end.sh, watched.sh, this file, and: cutover CANDIDATES SERVERS ASKER "FIRST ..." "THEN ..." <<'CHECK' ... CHECK
#
# CANDIDATES and SERVERS are files in FOLDER, which the proxy watches: by the first it answers for the new containers to
# who knows their names, by the second it knows where to send what. CHECK is a script for node that is run in the
# container ASKER, with the questions FIRST before there is any traffic, and THEN afterwards. If either fails, the proxy
# has the servers that it had, and what is new is stopped. Whoever is killed in here leaves both running: the next run
# begins anew. FILES has what containers mount. @before@ in SERVERS is the container whose assets are kept. A SERVICE
# without a container is one that is over: whatever is left of it ends with those before.
set -eu

folder=$1
owner=$2
files=$3
stack=$4
shift 4
services='' containers='' # one word each
for pair; do
  services="$services ${pair%%=*}"
  [ -z "${pair#*=}" ] || containers="$containers $pair"
done
good=$folder/.good # not *.yaml, which the proxy would read: servers, containers, asker, questions and @before@ of the last good run

# put FILE CONTENT
put() { watched "$folder" "$owner" "$1" printf '%s\n' "$2"; }

running() { [ "$(docker inspect --format '{{.State.Running}}' "$1" 2>/dev/null)" = true ]; }

# of SERVICE PAIR...: its container
of() {
  service=$1
  shift
  printf '%s\n' "$@" | sed -n "s/^$service=//p"
}

# reached CONTAINER: where the proxy finds it
reached() {
  docker inspect --format '{{range .NetworkSettings.Networks}}{{println .NetworkID}}{{end}}{{range .Config.Env}}{{println .}}{{end}}' "$1" |
    grep -x -E '[0-9a-f]{64}|PORT=.*' | sort
}

image() { docker inspect --format '{{.Image}}' "$1"; }

# Who has the assets of the pages that were opened before: of those that served last the first of another image than the
# new one's. It is at most one. The new one itself: there is none.
before() {
  new=$(of web "$@")
  # shellcheck disable=SC2046 # one word each
  for each in $(of web $(sed -n 2p "$good" 2>/dev/null)) $(sed -n 5p "$good" 2>/dev/null); do
    if running "$each" && [ "$(image "$each")" != "$(image "$new")" ] && [ "$(reached "$each")" = "$(reached "$new")" ]; then
      echo "$each"
      return
    fi
  done
  echo "$new"
}

# ask ASKER QUESTIONS
ask() {
  # shellcheck disable=SC2086 # one word each
  printf '%s\n' "$check" | docker exec --interactive "$1" node - $2 2>&1
}

# To what served before.
back() {
  rm -f "$folder/candidates.yaml"
  if [ -z "$former" ]; then
    echo "Nothing served before it: its containers stay."
    return
  fi
  if [ "$(cat "$folder/servers.yaml")" != "$(sed -n 1p "$good")" ]; then
    put servers "$(sed -n 1p "$good")"
    ask "$(sed -n 3p "$good")" "$(sed -n 4p "$good")" >/dev/null || true # until the proxy has taken it
  fi
  stopped=
  for pair in $containers; do
    case " $former " in
      *" $pair "*) ;;
      *) stopped="$stopped ${pair#*=}" ;;
    esac
  done
  # shellcheck disable=SC2086 # one word each
  [ -z "$stopped" ] || docker stop $stopped >/dev/null
  echo "What served before serves. Stopped, with its log (docker logs):${stopped:- nothing}"
}

# passed QUESTIONS, or all is as it was, and this ends with 1
passed() {
  said=$(ask "$asker" "$1") && return
  printf '%s\n' "$said"
  back
  exit 1
}

# All others of these services, those too that a run left behind which was killed.
retire() {
  for service in $services; do
    for each in $(those "$stack" "$service"); do
      case "$containers $service=$kept " in
        *" $service=$each "*) ;;
        *) end "$files" "$each" & ;;
      esac
    done
  done
  wait
}

cutover() {
  candidates=$1
  template=$2
  asker=$3
  first=$4
  then=$5
  check=$(cat)
  for pair in $containers; do
    # A run that failed has stopped it, and this one asks the same again.
    running "${pair#*=}" || docker start "${pair#*=}" >/dev/null
  done
  # Empty: there is none, or not all of it is there. A canary that ended takes no way back away.
  former=$(sed -n 2p "$good" 2>/dev/null) || former=
  for pair in $former; do
    running "${pair#*=}" || [ "${pair%%=*}" = api-canary ] || former=
  done
  # shellcheck disable=SC2086 # one word each
  kept=$(before $containers)
  servers=$(printf '%s\n' "$template" | sed "s/@before@/$kept/")
  put candidates "$candidates"
  passed "$first"
  put servers "$servers"
  passed "$then"
  rm -f "$folder/candidates.yaml"
  printf '%s\n' "$servers" "$containers" "$asker" "$then" "$kept" >"$good.new"
  mv -f "$good.new" "$good"
  retire
}
