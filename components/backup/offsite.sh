#!/usr/bin/env bash
#
# Copies backups off the machine, encrypted, and brings them back.
#
#   offsite.sh due                      whether there is something to push; asks nobody
#   offsite.sh push                     what is newer here than the newest copy, oldest first; looks again at what was damaged
#   offsite.sh list                     the copies, as restic's JSON
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
PROGRESS_SECONDS=${PROGRESS_SECONDS:-30}
OPEN_SECONDS=${OPEN_SECONDS:-120}
SLICES=28 # the whole repository is read once in so many days
read -ra ALL <<<"$DATABASES"
export GOMEMLIMIT=${GOMEMLIMIT:-128MiB} GOGC=20

# restic's own, without its cache: what is asked for is asked of the service.
# https://restic.readthedocs.io/en/stable/075_scripting.html#exit-codes
# A service that is away it asks again for 15 minutes; LIMIT: of seconds, for those that are waited for. What only reads takes no
# lock, which is an object: a bucket that is full, or may only be read by now, is still restored from.
tool() {
  timeout "${LIMIT:-0}" restic --no-cache --quiet --retry-lock=2m --option=s3.connections=2 "$@" 2>"$WORK/complaints"
}

# told CODE: what restic's complaints mean, in one line.
told() {
  local said again
  said=$(sed 's/.*"message":"\(.*\)"}$/\1/; s/\\n.*//' "$WORK/complaints")
  said=$(grep -m 1 -E '^Fatal:' <<<"$said" || grep . <<<"$said" | tail -n 1 || echo "it ended with $1")
  case $1 in
    11) said="another run holds the lock of the repository: $said" ;;
    12) said="it is encrypted with another passphrase than offsite_passphrase" ;;
    124)
      again=$(sed -n 's/.* retrying after [^:]*: //p' "$WORK/complaints" | tail -n 1)
      said="asked for $LIMIT s in vain: ${again:-no answer}"
      ;;
  esac
  printf '%s' "$said"
}

# must WORDS COMMAND...: or it fails with the words and the reason.
must() {
  local words=$1 code=0
  shift
  "$@" || code=$?
  ((code == 0)) || fail "$words: $(told "$code")"
}

# names: of the proven backups that are here of all databases, oldest first.
names() {
  local name database
  for name in $(find "$BACKUPS/${ALL[0]}" -maxdepth 1 -name '*.dump' -printf '%f\n' 2>/dev/null | sed 's/\.dump$//' | sort); do
    for database in "${ALL[@]}"; do
      # Those of older programs have no checksum, by which a copy could be told to be whole.
      [[ -s $BACKUPS/$database/$name.dump && -s $BACKUPS/$database/$name.json ]] || continue 2
    done
    echo "$name"
  done
}

copied() { sed -n 's/.*"name": "\([^"]*\)".*/\1/p' "$BACKUPS/offsite.json" 2>/dev/null || true; }

# due: whether there is a backup here that is newer than the newest copy; asks nobody.
due() {
  local newest
  newest=$(names | tail -n 1)
  [[ -n $newest && $newest > $(copied) ]]
}

# open: lists the copies into WORK/snapshots, one a line; makes the repository where none ever was.
open() {
  local code=0 LIMIT=$OPEN_SECONDS
  tool --no-lock snapshots --json >"$WORK/listed" || code=$?
  if ((code == 10)); then
    [[ ! -e $BACKUPS/offsite.json ]] ||
      fail "there is no repository where copies were made: the bucket was emptied, or is another one;" \
        "to begin anew: rm $BACKUPS/offsite.json"
    must "no repository could be made" tool init >/dev/null
    say "$RESTIC_REPOSITORY is a new repository"
    echo '[]' >"$WORK/listed"
  elif ((code)); then
    fail "the repository cannot be opened: $(told "$code")"
  fi
  sed 's/{"time":/\n&/g' "$WORK/listed" >"$WORK/snapshots"
}

# push NAME HOST: one snapshot, which is then read back.
push() {
  local name=$1 database folder=$BACKUPS/.outgoing started=$SECONDS snapshot sum tags=()
  rm -rf "$folder" # of a run that was cut short
  for database in "${ALL[@]}"; do
    mkdir -p "$folder/$database"
    # Links: pruning may go on meanwhile.
    ln "$BACKUPS/$database/$name".{dump,content,json} "$folder/$database/" 2>"$WORK/complaints" ||
      fail "$name was pruned before it was copied; the next one is copied"
    tags+=(--tag "$database=$(stat -c %s "$folder/$database/$name.dump")")
  done
  cd "$folder"
  must "$name could not be copied" tool backup --json --host="$2" --time="$(moment "$name")" \
    --tag="name=$name" --tag="kind=${name##*-}" "${tags[@]}" --read-concurrency=1 -- "${ALL[@]}" >"$WORK/said"
  cd /
  snapshot=$(sed -n 's/.*"snapshot_id":"\([0-9a-f]*\)".*/\1/p' "$WORK/said" | tail -n 1)
  [[ -n $snapshot ]] || fail "$name could not be copied: restic named no snapshot"
  for database in "${ALL[@]}"; do
    sum=$(known sha256 "$folder/$database/$name.json")
    must "the copy of $name cannot be read back" tool --no-lock dump "$snapshot" "/$database/$name.dump" | sha256sum >"$WORK/sum"
    [[ $(cut -d ' ' -f 1 "$WORK/sum") == "$sum" ]] || fail "the copy of $name is not what was sent: $database.dump has another checksum"
  done
  rm -rf "$folder"
  record "$name" "$snapshot"
  say "$name is off the machine, read back after $((SECONDS - started)) s"
}

# record NAME SNAPSHOT: the newest copy.
record() {
  printf '{"name": "%s", "snapshot": "%s", "finished": %s}\n' "$1" "$2" "$(date +%s)" >"$BACKUPS/offsite.partial"
  sync "$BACKUPS/offsite.partial"
  mv "$BACKUPS/offsite.partial" "$BACKUPS/offsite.json"
}

# each FIELD SEPARATOR: the values in restic's JSON, which is one line.
each() { grep -o "\"$1${2:-}[^\"]*\"" | sed "s/.$1${2:-}//; s/.\$//" || true; }

known() { sed -n "s/.*\"$1\": \"\?\([0-9a-f]*\).*/\1/p" "$2"; }

# moment NAME: as restic takes it.
moment() { sed -E 's/^(.{10})T(..)(..)(..)Z.*/\1 \2:\3:\4/' <<<"$1"; }

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

# forget HOST POLICY...: and what was of these copies alone.
forget() { must "old copies could not be pruned" tool forget --group-by=host --prune --max-unused=10% --host "$@" >/dev/null; }

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

# identity: of the cluster that is backed up.
identity() { sql --command='select system_identifier from pg_catalog.pg_control_system()' 2>"$WORK/complaints"; }

push_all() {
  local name host newest
  exec 9>"$BACKUPS/.offsite.lock"
  until flock --wait "$PROGRESS_SECONDS" 9; do say "other copies are being made; this one waits for them"; done
  due || [[ -e $BACKUPS/offsite-damaged ]] || return 0
  date +%s >"$BACKUPS/offsite-running"
  export TMPDIR=$BACKUPS/.offsite # packs of some 16 MB are made there before they are sent
  mkdir -p "$TMPDIR"
  alive &
  ALIVE=$!
  host=$(identity) || fail "the server did not say which cluster it is: $(first_error "$WORK/complaints")"
  open
  sed -n "/\"hostname\":\"$host\"/p" "$WORK/snapshots" | each name= | sort >"$WORK/own"
  newest=$(tail -n 1 "$WORK/own")
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

# alive: the sign of life of a push, until it is ended or this script is.
alive() {
  while sleep "$PROGRESS_SECONDS" >/dev/null 2>&1 9>&- && kill -0 "$$" 2>/dev/null; do touch "$BACKUPS/offsite-running"; done
}

fetch() {
  local name=$1 database file snapshot sum
  shift
  must "the copies could not be listed" tool --no-lock snapshots --tag="name=$name" --json >"$WORK/snapshots"
  snapshot=$(each id '":"' <"$WORK/snapshots" | tail -n 1)
  [[ -n $snapshot ]] || fail "there is no copy of $name"
  for database in "$@"; do
    mkdir -p "$BACKUPS/$database"
    for file in content json dump; do
      must "the copy of $name cannot be read" tool --no-lock dump "$snapshot" "/$database/$name.$file" >"$BACKUPS/$database/$name.$file.partial"
    done
    sum=$(known sha256 "$BACKUPS/$database/$name.json.partial")
    [[ $(sha256sum <"$BACKUPS/$database/$name.dump.partial") == "$sum "* ]] || fail "the copy of $name is damaged: $database.dump has another checksum"
    for file in content json dump; do mv "$BACKUPS/$database/$name.$file.partial" "$BACKUPS/$database/$name.$file"; done
    sync "$BACKUPS/$database"
    say "$database: fetched $(stat -c %s "$BACKUPS/$database/$name.dump") bytes of $name"
  done
}

ended() {
  local code=$?
  [[ -z ${ALIVE:-} ]] || kill "$ALIVE" 2>/dev/null || true
  if ((code)) && [[ -n ${ALIVE:-} ]]; then
    printf '{"at": %s, "reason": "%s"}\n' "$(date +%s)" "$({ cat "$WORK/reason" 2>/dev/null || echo 'it was cut short'; } | tr -d '\\"\n')" \
      >"$BACKUPS/offsite-failure.json"
  fi
  rm -rf "$WORK"
  if [[ -n ${ALIVE:-} ]]; then rm -rf "$BACKUPS/offsite-running" "$BACKUPS/.outgoing" "$TMPDIR"; fi
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
    fetch) shift && fetch "$@" ;;
    restic) shift && exec restic --no-cache "$@" ;;
    *) fail "${1:-nothing} is none of due, push, list, fetch, restic" ;;
  esac
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi
