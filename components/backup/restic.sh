#!/usr/bin/env bash
#
# How restic is asked, and what is asked of it: a copy is a snapshot of STAMP-KIND's files, and counts once it was read back. To
# be sourced, after postgres.sh.
#
# Where to is in RESTIC_REPOSITORY, RESTIC_PASSWORD, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Who sources it sets
#   SECRET: the name of the secret that is RESTIC_PASSWORD
#   RECORD: the file that names the newest copy
#   RUNNING: the file that is the sign of life

PROGRESS_SECONDS=${PROGRESS_SECONDS:-30}
OPEN_SECONDS=${OPEN_SECONDS:-120}
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
    12) said="it is encrypted with another passphrase than $SECRET" ;;
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

# open: lists the copies into WORK/snapshots, one a line; makes the repository where none ever was.
open() {
  local code=0 LIMIT=$OPEN_SECONDS
  tool --no-lock snapshots --json >"$WORK/listed" || code=$?
  if ((code == 10)); then
    [[ ! -e $RECORD ]] ||
      fail "there is no repository where copies were made: the bucket was emptied, or is another one;" \
        "to begin anew: rm $RECORD"
    must "no repository could be made" tool init >/dev/null
    say "$RESTIC_REPOSITORY is a new repository"
    echo '[]' >"$WORK/listed"
  elif ((code)); then
    fail "the repository cannot be opened: $(told "$code")"
  fi
  sed 's/{"time":/\n&/g' "$WORK/listed" >"$WORK/snapshots"
}

# send FOLDER NAME OPTION...: all that is in the folder, by database, as one snapshot, whose id is then in WORK/snapshot.
send() {
  local folder=$1 name=$2 databases=() database snapshot sum tags=()
  shift 2
  mapfile -t databases < <(ls "$folder")
  for database in "${databases[@]}"; do tags+=(--tag "$database=$(stat -c %s "$folder/$database/$name.dump")"); done
  cd "$folder" || return 1
  must "$name could not be copied" tool backup --json --tag="name=$name" --tag="kind=${name##*-}" "${tags[@]}" \
    --read-concurrency=1 "$@" -- "${databases[@]}" >"$WORK/said"
  cd /
  snapshot=$(sed -n 's/.*"snapshot_id":"\([0-9a-f]*\)".*/\1/p' "$WORK/said" | tail -n 1)
  [[ -n $snapshot ]] || fail "$name could not be copied: restic named no snapshot"
  for database in "${databases[@]}"; do
    sum=$(known sha256 "$folder/$database/$name.json")
    must "the copy of $name cannot be read back" tool --no-lock dump "$snapshot" "/$database/$name.dump" | sha256sum >"$WORK/sum"
    [[ $(cut -d ' ' -f 1 "$WORK/sum") == "$sum" ]] || fail "the copy of $name is not what was sent: $database.dump has another checksum"
  done
  echo "$snapshot" >"$WORK/snapshot"
}

# record NAME SNAPSHOT [MORE]: the newest copy, whole or not at all; MORE are other fields of it.
record() {
  printf '{"name": "%s", "snapshot": "%s", %s"finished": %s}\n' "$1" "$2" "${3:+$3, }" "$(date +%s)" | whole "$RECORD"
}

# fetch FOLDER NAME DATABASE...: into the databases' folders there.
fetch() {
  local to=$1 name=$2 database file snapshot sum
  shift 2
  must "the copies could not be listed" tool --no-lock snapshots --tag="name=$name" --json >"$WORK/snapshots"
  snapshot=$(each id '":"' <"$WORK/snapshots" | tail -n 1)
  [[ -n $snapshot ]] || fail "there is no copy of $name"
  for database in "$@"; do
    mkdir -p "$to/$database"
    for file in content json dump; do
      must "the copy of $name cannot be read" tool --no-lock dump "$snapshot" "/$database/$name.$file" >"$to/$database/$name.$file.partial"
    done
    sum=$(known sha256 "$to/$database/$name.json.partial")
    [[ $(sha256sum <"$to/$database/$name.dump.partial") == "$sum "* ]] || fail "the copy of $name is damaged: $database.dump has another checksum"
    for file in content json dump; do mv "$to/$database/$name.$file.partial" "$to/$database/$name.$file"; done
    sync "$to/$database"
    say "$database: fetched $(stat -c %s "$to/$database/$name.dump") bytes of $name"
  done
}

# forget HOST POLICY...: and what was of these copies alone.
forget() { must "old copies could not be pruned" tool forget --group-by=host --prune --max-unused=10% --host "$@" >/dev/null; }

# each FIELD SEPARATOR: the values in restic's JSON, which is one line.
each() { grep -o "\"$1${2:-}[^\"]*\"" | sed "s/.$1${2:-}//; s/.\$//" || true; }

known() { sed -n "s/.*\"$1\": \"\?\([0-9a-f]*\).*/\1/p" "$2"; }

# moment NAME: as restic takes it.
moment() { sed -E 's/^(.{10})T(..)(..)(..)Z.*/\1 \2:\3:\4/' <<<"$1"; }
