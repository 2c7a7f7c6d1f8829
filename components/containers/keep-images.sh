#!/bin/sh
#
# Of each image that is deployed the last few stay, for a rollback; older ones are removed. What Docker holds besides is
# not touched.
#
#   sh -s -- KEEP HISTORY NAME=ID...
#
# HISTORY is the file that remembers: a line `NAME ID` for each image that was deployed, the newest last.
set -eu

keep=$1
history=$2
shift 2

# remove ID: fails where a container, running or not, is made of it.
remove() {
  references=$(docker image inspect --format '{{range .RepoTags}}{{.}} {{end}}{{range .RepoDigests}}{{.}} {{end}}' "$1" 2>/dev/null) ||
    return 0 # it is gone
  [ -z "$(docker ps --all --quiet --filter "ancestor=$1")" ] || return 1
  for reference in $references; do
    docker image rm "$reference" >/dev/null 2>&1 || true # the last tag takes the digests along
  done
  docker image rm "$1" >/dev/null 2>&1 || true
  ! docker image inspect "$1" >/dev/null 2>&1 || return 1
  echo "removed $1 ($references)" >&2
}

mkdir -p "$(dirname "$history")"
touch "$history"
for image; do
  line="${image%%=*} ${image#*=}"
  { grep -v -x -F "$line" "$history" || true; } >"$history.new"
  echo "$line" >>"$history.new"
  mv "$history.new" "$history"
done

tac "$history" | awk -v keep="$keep" '++count[$1] <= keep' | tac >"$history.new"
{ grep -v -x -F -f "$history.new" "$history" || true; } | while read -r name id; do
  grep -q -F " $id" "$history.new" && continue # another name's, still
  remove "$id" || echo "$name $id" # tried again at the next deploy
done >"$history.used"
cat "$history.used" "$history.new" >"$history"
rm "$history.used" "$history.new"
