#!/usr/bin/env bash
#
# Copies backups off the machine, encrypted, and brings them back.
#
#   offsite.sh due                      whether there is something to push; asks nobody
#   offsite.sh push                     what is newer here than the newest copy, oldest first; looks again at what was damaged
#   offsite.sh list                     the copies, as restic's JSON
#   offsite.sh newest                   the name of the newest copy of this cluster, and the bytes of its dumps; asks the bucket alone
#   offsite.sh fetch NAME DATABASE...   into BACKUPS again
#   offsite.sh restic ARGUMENT...       restic itself
#
# A copy is a snapshot of restic's of STAMP-KIND's files of all databases, and counts once it was read back: each dump was
# fetched, decrypted, and had the checksum of the one that was proven. BACKUPS/offsite.json then names it, and
# BACKUPS/offsite-failure.json says why a later one did not come about.
#
# Where to is in RESTIC_REPOSITORY, RESTIC_PASSWORD, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. A repository may be shared by
# clusters, one after the other: a stack that was made anew, or one that took over. Each has its copies under its own name, by
# the identity of its cluster, and prunes its own.
# shellcheck source-path=SCRIPTDIR
set -euo pipefail

: "${BACKUPS:?}" "${DATABASES:?}" "${RESTIC_REPOSITORY:?}" "${RESTIC_PASSWORD:?}"
HERE=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
. "$HERE/postgres.sh"
. "$HERE/restic.sh"
SECRET=offsite_passphrase RECORD=$BACKUPS/offsite.json RUNNING=$BACKUPS/offsite-running
SLICES=28 # the whole repository is read once in so many days
read -ra ALL <<<"$DATABASES"

# past NAME: whether it is not of a moment to come, but for an hour. One that is was made by a clock that was wrong, and what is made
# since must not wait until then to be newer.
past() { [[ $1 < $(date -u -d '+1 hour' +%FT%H%M%SZ) ]]; }

# names: of the proven backups that are here of all databases, oldest first.
names() {
  local name database
  for name in $(find "$BACKUPS/${ALL[0]}" -maxdepth 1 -name '*.dump' -printf '%f\n' 2>/dev/null | sed 's/\.dump$//' | sort); do
    [[ $name != *-moment ]] || continue # made of what is off the machine
    past "$name" || continue
    for database in "${ALL[@]}"; do
      # Those of older programs have no checksum, by which a copy could be told to be whole.
      [[ -s $BACKUPS/$database/$name.dump && -s $BACKUPS/$database/$name.json ]] || continue 2
    done
    echo "$name"
  done
}

copied() {
  local name
  name=$(sed -n 's/.*"name": "\([^"]*\)".*/\1/p' "$BACKUPS/offsite.json" 2>/dev/null || true)
  if past "$name"; then echo "$name"; fi
}

# due: whether there is a backup here that is newer than the newest copy; asks nobody.
due() {
  local newest
  newest=$(names | tail -n 1)
  [[ -n $newest && $newest > $(copied) ]]
}

# push NAME HOST: one snapshot, which is then read back.
push() {
  local name=$1 database folder=$BACKUPS/.outgoing started=$SECONDS
  rm -rf "$folder" # of a run that was cut short
  for database in "${ALL[@]}"; do
    mkdir -p "$folder/$database"
    # Links: pruning may go on meanwhile.
    ln "$BACKUPS/$database/$name".{dump,content,json} "$folder/$database/" 2>"$WORK/complaints" ||
      fail "$name was pruned before it was copied; the next one is copied"
  done
  send "$folder" "$name" --host="$2" --time="$(moment "$name")"
  rm -rf "$folder"
  record "$name" "$(cat "$WORK/snapshot")"
  say "$name is off the machine, read back after $((SECONDS - started)) s"
}

# keep HOST: of its copies those that the retention names; of clusters that are gone, for as many months.
keep() {
  local kind kinds other months=$((OFFSITE_MONTHLY > 0 ? OFFSITE_MONTHLY : 1))
  must "the locks of dead runs could not be removed" tool unlock >/dev/null
  mapfile -t kinds < <(awk -F - '{print $NF}' "$WORK/own" | sort -u)
  for kind in "${kinds[@]}"; do
    case $kind in
      scheduled) forget "$1" "--tag=kind=$kind" "--keep-daily=$OFFSITE_DAILY" "--keep-weekly=$OFFSITE_WEEKLY" "--keep-monthly=$OFFSITE_MONTHLY" ;;
      release) forget "$1" "--tag=kind=$kind" "--keep-last=$OFFSITE_RELEASES" ;;
      *) forget "$1" "--tag=kind=$kind" "--keep-last=$OFFSITE_MANUAL" ;;
    esac
  done
  for other in $(each hostname '":"' <"$WORK/snapshots" | sort -u); do
    [[ $other == "$1" ]] || forget "$other" "--keep-within=${months}m"
  done
}

# proof: reads a part of the repository, another one each day; all of it, once a part was bad.
proof() {
  local part code=0
  part=--read-data-subset=$((10#$(date -u +%j) % SLICES + 1))/$SLICES
  [[ ! -e $BACKUPS/offsite-damaged ]] || part=--read-data
  tool check "$part" >"$WORK/said" || code=$?
  if ((code == 1)); then
    cat "$WORK/said" "$WORK/complaints" >&2
    date +%s >"$BACKUPS/offsite-damaged"
    fail "the copies are damaged: $(told 1); see docs/runbook.md, The copies off the machine"
  fi
  ((code == 0)) || fail "the copies could not be checked: $(told "$code")"
  rm -f "$BACKUPS/offsite-damaged"
}

push_all() {
  local name host newest
  exec 9>"$BACKUPS/.offsite.lock"
  until flock --wait "$PROGRESS_SECONDS" 9; do say "the copies are in use by another push, or a drill; this one waits"; done
  due || [[ -e $BACKUPS/offsite-damaged ]] || return 0
  date +%s >"$RUNNING"
  export TMPDIR=$BACKUPS/.offsite # packs of some 16 MB are made there before they are sent
  mkdir -p "$TMPDIR"
  alive "$RUNNING" &
  ALIVE=$!
  host=$(identity 2>"$WORK/complaints") || fail "the server did not say which cluster it is: $(first_error "$WORK/complaints")"
  open
  sed -n "/\"hostname\":\"$host\"/p" "$WORK/snapshots" | each name= | sort >"$WORK/own"
  newest=$(while read -r name; do if past "$name"; then echo "$name"; fi; done <"$WORK/own" | tail -n 1)
  for name in $(names); do
    # What was fetched to be restored is there already, and stays the other cluster's.
    if [[ $name > $newest ]] && ! grep -qF "\"name=$name\"" "$WORK/snapshots"; then
      push "$name" "$host"
      echo "$name" >>"$WORK/own"
    fi
  done
  # A machine that took the cluster over has none of its own yet.
  [[ -n $(copied) ]] || record "$newest" ''
  keep "$host"
  proof
  rm -f "$BACKUPS/offsite-failure.json"
}

# newest: which cluster this is, the copy tells that was made last: whoever has lost the machine has no server to ask.
newest() {
  local last host line bytes=0 database
  last=$(copied)
  LIMIT=$OPEN_SECONDS must "the copies could not be listed" tool --no-lock snapshots --json >"$WORK/listed"
  sed 's/{"time":/\n&/g' "$WORK/listed" >"$WORK/snapshots"
  host=$({ grep -F "\"name=$last\"" "$WORK/snapshots" || true; } | each hostname '":"' | tail -n 1)
  [[ -n $last && -n $host ]] ||
    fail "the bucket has no copy ${last:-of this cluster}, which was made: it was emptied, or is another one"
  last=$(sed -n "/\"hostname\":\"$host\"/p" "$WORK/snapshots" | each name= | sort | tail -n 1)
  line=$(grep -F "\"name=$last\"" "$WORK/snapshots" | tail -n 1)
  for database in "${ALL[@]}"; do bytes=$((bytes + $(sed -n "s/.*\"$database=\([0-9]*\)\".*/\1/p; t; s/.*/0/p" <<<"$line"))); done
  echo "$last $bytes"
}

ended() {
  local code=$?
  [[ -z ${ALIVE:-} ]] || kill "$ALIVE" 2>/dev/null || true
  if ((code)) && [[ -n ${ALIVE:-} ]]; then
    failed "$BACKUPS/offsite-failure.json"
  fi
  rm -rf "$WORK"
  if [[ -n ${ALIVE:-} ]]; then rm -rf "$RUNNING" "$BACKUPS/.outgoing" "$TMPDIR"; fi
}

main() {
  umask 077
  export WORK
  WORK=$(mktemp -d)
  trap ended EXIT
  trap 'exit 143' TERM INT
  case ${1:-} in
    due) due ;;
    push) push_all ;;
    list) LIMIT=20 must "the copies could not be listed" tool --no-lock snapshots --json ;;
    newest) newest ;;
    fetch) shift && fetch "$BACKUPS" "$@" ;;
    restic) shift && exec restic --no-cache "$@" ;;
    *) fail "${1:-nothing} is none of due, push, list, newest, fetch, restic" ;;
  esac
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi
