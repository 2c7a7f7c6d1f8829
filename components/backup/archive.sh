#!/usr/bin/env bash
#
# The database's log off the machine, and the backups of the whole cluster that it is replayed on: any moment can be had back.
# The server sends the log (its archive_command); this makes the backups, with pgBackRest, and looks after both.
#
#   archive.sh tend                  one round: a backup if one is due, and once an hour whether the log is there without a gap
#   archive.sh backup full|diff|incr
#   archive.sh wake                  has a server that was started mind archive_timeout
#   archive.sh last                  what was committed until now leaves the machine, before the stack goes
#   archive.sh gaps                  whether the log is there without a gap, from the oldest backup on
#   archive.sh list                  a line for each cluster: IDENTITY OLDEST NEWEST MEGABYTES; moments in seconds of the epoch
#
# With each full backup the parts of former clusters go that have been of no use for as long as a moment is kept.
#
# A backup counts once it was read back. BACKUPS/archive.json says when the last of each type was begun, and of which cluster;
# BACKUPS/archive-failure.json why a later round failed, and BACKUPS/archive-gap, while there is one, where the log is not whole.
# shellcheck source-path=SCRIPTDIR
set -euo pipefail

: "${BACKUPS:?}" "${PGDATA:?}" "${ARCHIVE:?}"
HERE=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
. "$HERE/postgres.sh"
. "$HERE/log.sh"
PROGRESS_SECONDS=${PROGRESS_SECONDS:-30}
WAITING_SECONDS=${WAITING_SECONDS:-180} # of a file of the log, before somebody asks why
LAST_SECONDS=${LAST_SECONDS:-120}
HOUR=3600

tool() { bash "$HERE/pgbackrest.sh" "$@" 2>"$WORK/complaints"; }

# must WORDS ARGUMENT...: of pgBackRest, or it fails with the words and the reason.
must() {
  local words=$1
  shift
  tool "$@" || fail "$words: $(told)"
}

# told: what pgBackRest's complaints mean, in one line. It repeats what it has said, and shows what it could not read.
told() {
  local said
  said=$(LC_ALL=C tr -cd '[:print:]\n' <"$WORK/complaints")
  case $said in
    *'found outside of section'* | *'cipher header invalid'* | *'unable to flush'*)
      echo "it is encrypted with another passphrase than archive_passphrase"
      ;;
    *'[050]'*) echo "another backup is being made" ;;
    *)
      grep -m 1 -oE '(HostConnectError|ProtocolError|ServiceError|FileMissingError): .*' <<<"$said" ||
        sed -n -E 's/^.*(ERROR|WARN): (\[[0-9]+\]: )?//p' <<<"$said" | grep -m 1 . || first_error - <<<"$said"
      ;;
  esac
}

known() { number "$1" "$BACKUPS/archive.json"; }
ask() { sql --host="$PGBACKREST_PG1_SOCKET_PATH" "$@" 2>"$WORK/complaints"; }

# cluster: which one serves.
cluster() {
  PGHOST=$PGBACKREST_PG1_SOCKET_PATH identity 2>"$WORK/complaints" ||
    fail "the server did not say which cluster it is: $(first_error "$WORK/complaints")"
}

# due CLUSTER: which backup is, by what was made last.
due() {
  local now full diff incr
  now=$(date +%s)
  full=$(known full) diff=$(known diff) incr=$(known incr)
  if [[ $(known cluster) != "$1" || -z $full || -e $BACKUPS/archive-gap ]] || ((now - full >= FULL_DAYS * 24 * HOUR)); then
    echo full
  elif ((now - (diff > full ? diff : full) >= DIFFERENTIAL_HOURS * HOUR)); then
    echo diff
  elif ((now - (incr > diff ? (incr > full ? incr : full) : (diff > full ? diff : full)) >= INCREMENTAL_HOURS * HOUR)); then
    echo incr
  fi
}

# last TYPE: when the last one was begun, now that another is made.
last() { if [[ $type == "$1" ]]; then echo "$began"; else known "$1" | grep . || echo 0; fi; }

# backup TYPE CLUSTER
backup() {
  local type=$1 cluster=$2 began label started=$SECONDS
  began=$(date +%s)
  if [[ $(known cluster) != "$cluster" ]]; then
    must "no part of the repository could be made for this cluster" stanza-create
    rm -f "$BACKUPS"/archive-{gap,since,checked} # another's
  fi
  tool --type="$type" backup || {
    ! grep -q 'FileMissingError' "$WORK/complaints" || [[ ! -e $BACKUPS/archive.json ]] ||
      fail "there is no repository where one was: the bucket was emptied, or is another one;" \
        "to begin anew: rm $BACKUPS/archive.json"
    fail "the $type backup could not be made: $(told)"
  }
  must "the backups cannot be listed" info --output=json >"$WORK/info"
  label=$(grep -o '"label":"[^"]*"' "$WORK/info" | tail -n 1 | cut -d'"' -f4)
  # Its exit code is 0 whatever it finds.
  must "the $type backup cannot be read back" --set="$label" --output=text --verbose verify >"$WORK/verified"
  grep -q "backup: $label, status: valid" "$WORK/verified" ||
    fail "the $type backup is not what was sent: $(grep -m 1 "backup: $label" "$WORK/verified" || echo "$label is not there")"
  printf '{"cluster": "%s", "full": %s, "diff": %s, "incr": %s, "finished": %s, "label": "%s"}\n' "$cluster" \
    "$(last full)" "$(last diff)" "$(last incr)" "$(date +%s)" "$label" | whole "$BACKUPS/archive.json"
  if [[ $type == full && -e $BACKUPS/archive-gap ]]; then # what comes after it is to be whole
    needed | tail -n 1 | cut -d' ' -f1 >"$BACKUPS/archive-since"
    rm "$BACKUPS/archive-gap"
  fi
  say "$label is off the machine, and was read back: $((SECONDS - started)) s"
  [[ $type != full ]] || forget_former "$cluster"
}

# forget_former CLUSTER: what is there of others whose log ended before the days that this one's is kept; by age alone, for a new
# database may be an empty one.
forget_former() {
  local former oldest newest megabytes
  list >"$WORK/clusters"
  while read -r former oldest newest megabytes; do
    if [[ $former == "$1" ]] || (($(date +%s) - newest <= PGBACKREST_REPO1_RETENTION_FULL * 24 * HOUR)); then continue; fi
    # It asks for a word that nobody writes there any more, and for a server that is not running, which is another one here.
    export CLUSTER=$former
    must "the log of the former cluster $former could not be deleted" stop
    must "the log of the former cluster $former could not be deleted" --force stanza-delete
    tool start || true
    unset CLUSTER
    say "the log of the former cluster $former was deleted, $megabytes MB from $(date -u -d "@$oldest" +%F) to $(date -u -d "@$newest" +%F)"
  done <"$WORK/clusters"
}

# segments: the files of the log that are there, by name, oldest first.
segments() {
  must "the log off the machine cannot be listed" repo-ls --recurse "archive/$1" >"$WORK/archived"
  sed -n -E 's|.*/([0-9A-F]{24})-[0-9a-f]{40}(\.[a-z0-9]+)?$|\1|p' "$WORK/archived" | sort -u
}

# needed: the first and the last file of the log that each backup in WORK/info needs, oldest first.
needed() { grep -o '"start":"[0-9A-F]\{24\}","stop":"[0-9A-F]\{24\}"' "$WORK/info" | cut -d'"' -f4,8 | tr '"' ' ' | sort; }

# gaps CLUSTER: pgBackRest's own `check` and `verify` see none.
# https://www.postgresql.org/docs/15/continuous-archiving.html: a file has 16 MB, 256 of them the same 16 digits.
gaps() {
  local last gap since
  last=$(ask --command="select last_archived_wal from pg_catalog.pg_stat_archiver
      where last_archived_wal ~ '^[0-9A-F]{24}$'") || fail "the server cannot be asked: $(first_error "$WORK/complaints")"
  segments "$1" >"$WORK/segments"
  must "the backups cannot be listed" info --output=json >"$WORK/info"
  needed >"$WORK/needed"
  since=$(cat "$BACKUPS/archive-since" 2>/dev/null || true)
  gap=$(awk -v last="$last" -v since="$since" '
    function digits(text,   i, value) {
      for (i = 1; i <= length(text); i++) value = value * 16 + index("0123456789ABCDEF", substr(text, i, 1)) - 1
      return value
    }
    FILENAME == ARGV[1] {
      if ($1 "" < since "") next
      if (begin == "") begin = $1
      needed[$1] = needed[$2] = 1
      next
    }
    { there[$1] = 1 }
    $1 "" < begin "" { next }
    {
      place = digits(substr($1, 9, 8)) * 256 + digits(substr($1, 23, 2))
      if (before != "" && substr($1, 1, 8) == substr(before, 1, 8) && place != at + 1) print before " is there, then " $1
      before = $1
      at = place
    }
    END {
      for (one in needed) if (!(one in there)) print one " is not there, which a backup needs"
      if (last != "" && !(last in there)) print last " is not there, which the service has taken"
    }
  ' "$WORK/needed" "$WORK/segments" | head -n 1)
  if [[ -n $gap ]]; then
    echo "$gap" >"$BACKUPS/archive-gap"
    rm -f "$BACKUPS/archive-checked"
    fail "the log off the machine has a gap: $gap; moments in it cannot be had back, and a full backup is made to begin anew"
  fi
  date +%s >"$BACKUPS/archive-checked"
}

# wake: the server's process that minds archive_timeout begins before it may do so, and then sleeps for checkpoint_timeout, five
# minutes, in which nothing is sent: a checkpoint wakes it.
# https://github.com/postgres/postgres/blob/REL_15_STABLE/src/backend/postmaster/checkpointer.c (CheckpointerMain: RecoveryInProgress)
wake() {
  local started
  started=$(ask --command='select pg_catalog.pg_postmaster_start_time()')
  [[ $started != "$(cat "$BACKUPS/archive-awake" 2>/dev/null || true)" ]] || return 0
  ask --command=checkpoint
  echo "$started" >"$BACKUPS/archive-awake"
}

tend() {
  local cluster type checked
  cluster=$(cluster)
  type=$(due "$cluster")
  if [[ -n $type ]]; then
    date +%s >"$BACKUPS/archive-running"
    alive "$BACKUPS/archive-running" &
    ALIVE=$!
    backup "$type" "$cluster"
  fi
  checked=$(cat "$BACKUPS/archive-checked" 2>/dev/null || echo 0)
  if [[ -n $type ]] || (($(date +%s) - checked >= HOUR)); then gaps "$cluster"; fi
  if (($(waiting) >= WAITING_SECONDS)); then
    must "the log waits to be sent, $(waiting) s so far" repo-ls
    fail "the log waits to be sent, $(waiting) s so far, though the bucket answers: the log of the container postgres says why"
  fi
  rm -f "$BACKUPS/archive-failure.json"
}

# last_moment: of a cluster that has a backup there, or gets its first.
last_moment() {
  local cluster
  cluster=$(cluster)
  [[ $(known cluster) == "$cluster" ]] || backup full "$cluster"
  close_log "$LAST_SECONDS" || fail "the log of the last moments does not leave the machine within $LAST_SECONDS s"
  gaps "$cluster"
  say "the log is off the machine, up to this moment"
}

# list: what has no backup is left out; the newest moment is that of the last file of the log.
list() {
  local CLUSTER=all
  export CLUSTER
  must "the clusters off the machine cannot be listed" info --output=json >"$WORK/info"
  if grep -q '"status":{"code":99,"message"' "$WORK/info"; then # it ends with 0 all the same
    cp "$WORK/info" "$WORK/complaints"
    fail "the clusters off the machine cannot be listed: $(told)"
  fi
  must "the log off the machine cannot be listed" repo-ls --recurse --output=json archive >"$WORK/archived"
  sed 's/{"archive":\[{"database"/\n&/g' "$WORK/info" | awk '
    FILENAME == ARGV[1] {
      if (match($0, /"[0-9]+\//)) {
        cluster = substr($0, RSTART + 1, RLENGTH - 2)
        if (match($0, /"time":[0-9]+/)) time = substr($0, RSTART + 7, RLENGTH - 7) + 0
        if (time > newest[cluster]) newest[cluster] = time
      }
      next
    }
    match($0, /"timestamp":\{"start":[0-9]+,"stop":[0-9]+/) {
      oldest = substr($0, RSTART, RLENGTH)
      sub(/.*:/, "", oldest)
      match($0, /"name":"[0-9]+"/)
      cluster = substr($0, RSTART + 8, RLENGTH - 9)
      match($0, /"size":[0-9]+\},"label"/)
      print cluster, oldest, newest[cluster], int(substr($0, RSTART + 7) / 1048576)
    }
  ' <(sed 's/},/}\n/g' "$WORK/archived" | grep -E '[0-9A-F]{24}-[0-9a-f]{40}') -
}

ended() {
  local code=$?
  if ((code)) && [[ ${1:-} == tend || ${1:-} == backup ]]; then
    failed "$BACKUPS/archive-failure.json"
  fi
  if [[ -n ${ALIVE:-} ]]; then
    kill "$ALIVE" 2>/dev/null || true
    rm -f "$BACKUPS/archive-running"
  fi
  rm -rf "$WORK"
}

main() {
  umask 077
  export WORK
  WORK=$(mktemp -d)
  # shellcheck disable=SC2064 # the values of now
  trap "ended '${1:-}'" EXIT
  trap 'exit 143' TERM INT
  if [[ ${1:-} != list && ${1:-} != wake ]]; then
    exec 9>"$BACKUPS/.archive.lock"
    until flock --wait "$PROGRESS_SECONDS" 9; do say "the archive is being tended; this waits for it"; done
  fi
  case ${1:-} in
    tend) tend ;;
    backup) backup "$2" "$(cluster)" ;;
    wake) wake ;;
    last) last_moment ;;
    gaps) gaps "$(cluster)" ;;
    list) list ;;
    *) fail "${1:-nothing} is none of tend, backup, wake, last, gaps, list" ;;
  esac
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi
