# shellcheck shell=sh
# mounted FOLDER: whether a container, running or not, mounts it or what is in it. Ends the script where Docker does not answer.
mounted() {
  every=$(docker ps --all --quiet) || exit
  # A container that goes meanwhile is an error of inspect's, and mounts nothing.
  # shellcheck disable=SC2086 # one word each
  [ -n "$every" ] &&
    docker inspect --format '{{range .Mounts}}{{printf "%s/\n" .Source}}{{end}}' $every 2>/dev/null | grep -q -F "$1/"
}
