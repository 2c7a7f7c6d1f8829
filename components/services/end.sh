# shellcheck shell=sh
# Ends containers of a service, and removes of the files that they mounted what no other container does. After mounted.sh.
set -eu

# end FILES CONTAINER, with the grace that it was made with
end() {
  # Docker Desktop has something before the path.
  folders=$(docker inspect --format '{{range .Mounts}}{{println .Source}}{{end}}' "$2" | sed -n "s|.*\($1/[^/]*\)/.*|\1|p" | sort -u)
  id=$(docker inspect --format '{{.Id}}' "$2" | cut -c 1-12)
  docker stop "$2" >/dev/null
  docker rm --force --volumes "$2" >/dev/null
  for folder in $folders; do
    if mounted "$folder"; then
      find "$folder" -name "ready-$id" -exec rm -f {} + # see healthcheck.js
    else
      rm -rf "$folder"
    fi
  done
  echo "$2 has drained and is removed"
}

# those STACK SERVICE
those() {
  docker ps --all --filter "label=jira-plus-plus.stack=$1" --filter "label=jira-plus-plus.service=$2" --format '{{.Names}}'
}

# end_all FILES STACK SERVICE...
end_all() {
  root=$1
  stack=$2
  shift 2
  for service in "$@"; do
    for each in $(those "$stack" "$service"); do
      end "$root" "$each" &
    done
  done
  wait
  rmdir "$root" 2>/dev/null || true # with the last of them
}
