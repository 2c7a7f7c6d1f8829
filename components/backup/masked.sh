#!/usr/bin/env bash
#
# Hands the application's database on to another stack, which is to see no row as it is here, and brings it there.
#
#   masked.sh due                      whether there is something to export; asks nobody
#   masked.sh export                   the newest dump of the schedule's: masked, dumped again as STAMP-masked, and sent
#   masked.sh list                     the exports, as restic's JSON
#   masked.sh fetch NAME DATABASE...   into BACKUPS/.masked, where a restore finds it
#   masked.sh restic ARGUMENT...       restic itself
#
# It is masked in a cluster of the backup's own (scratch.sh), by the rules in the file MASKED_RULES (masking.sql); what no rule
# names stops it. An export counts once it was restored from its dump, compared, sent and read back. BACKUPS/masked.json then
# names it, and BACKUPS/masked-failure.json says why a later one did not come about.
#
# Where to is in MASKED_REPOSITORY, MASKED_PASSPHRASE, MASKED_ACCESS_KEY and MASKED_SECRET_KEY: another place than that of
# copies, with other keys and another passphrase. MASKED_REGION and MASKED_AUTHORITY are set where the service needs them.
# shellcheck source-path=SCRIPTDIR
set -euo pipefail

: "${BACKUPS:?}" "${DATABASES:?}" "${MASKED_REPOSITORY:?}" "${MASKED_PASSPHRASE:?}"
HERE=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
. "$HERE/postgres.sh"
. "$HERE/scratch.sh"
. "$HERE/content.sh"
. "$HERE/restic.sh"
SECRET=masked_passphrase RECORD=$BACKUPS/masked.json RUNNING=$BACKUPS/masked-running
DATABASE=${DATABASES%% *} # the application's: what Temporal keeps is in no form that rules could name
FOLDER=$BACKUPS/.masked
KEPT=3
unset AWS_DEFAULT_REGION RESTIC_CACERT # those of the copies
export RESTIC_REPOSITORY=$MASKED_REPOSITORY RESTIC_PASSWORD=$MASKED_PASSPHRASE
export AWS_ACCESS_KEY_ID=${MASKED_ACCESS_KEY:-} AWS_SECRET_ACCESS_KEY=${MASKED_SECRET_KEY:-}
[[ -z ${MASKED_REGION:-} ]] || export AWS_DEFAULT_REGION=$MASKED_REGION
[[ -z ${MASKED_AUTHORITY:-} ]] || export RESTIC_CACERT=$MASKED_AUTHORITY

# newest: the name of the newest proven dump of the schedule's; none of a database that has no tables yet.
newest() {
  local name
  name=$(find "$BACKUPS/$DATABASE" -maxdepth 1 -name '*-scheduled.json' -printf '%f\n' 2>/dev/null | sed 's/\.json$//' | sort | tail -n 1)
  if grep -qs '^table ' "$BACKUPS/$DATABASE/$name.content"; then echo "$name"; fi
}

exported() { sed -n "s/.*\"$1\": \"\([^\"]*\)\".*/\1/p" "$RECORD" 2>/dev/null || true; }
rules() { sha256sum <"$MASKED_RULES" | cut -c 1-16; }

# wanted: whether there is a newer dump than the one that was exported, or other rules.
wanted() {
  local name last
  [[ -n ${MASKED_RULES:-} ]] || fail "this stack exports nothing: backup.masked is not set"
  name=$(newest)
  last=$(exported name)
  [[ -n $name && (${name:0:18} > ${last:0:18} || $(exported rules) != "$(rules)") ]]
}

# due: the same; what these rules did not fit they will not fit in ten minutes either.
due() { wanted && [[ $(cat "$BACKUPS/masked-refused" 2>/dev/null) != "$(newest) $(rules)" ]]; }

# mask SOURCE FILE: the dump SOURCE, masked: FILE.dump, FILE.content and FILE.json, as a backup has them.
mask() {
  local dump=$BACKUPS/$DATABASE/$1.dump about=$BACKUPS/$DATABASE/$1.json file=$2 mb sum line
  [[ $(sha256sum <"$dump") == "$(known sha256 "$about") "* ]] || fail "$DATABASE: $1 is damaged: its bytes are not those that were proven"
  mb=$(known database_mb "$about")
  # Each row is there as it was and as it is, until the dump is written; then once more, to prove it.
  room_for "masking $DATABASE, a database of $mb MB," "$((mb * 3 + 300))" || fail "$(cat "$WORK/room")"
  write_roles
  MASKING=yes # the cluster is ours, as is the lock
  start_scratch
  fill_scratch "$DATABASE" "$dump"
  if [[ ! -s $BACKUPS/masked-key ]]; then
    od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n' >"$BACKUPS/masked-key.partial"
    mv "$BACKUPS/masked-key.partial" "$BACKUPS/masked-key"
  fi
  RULES=$MASKED_RULES KEY=$BACKUPS/masked-key ORIGINALS=$SCRATCH/originals \
    sql --dbname="$DATABASE" --file="$HERE/masking.sql" >"$WORK/refused" 2>"$WORK/complaints" ||
    fail "$DATABASE could not be masked: $(complaint | sed 's/^psql:[^ ]* ERROR: */ERROR: /')"
  if [[ -s $WORK/refused ]]; then
    cat "$WORK/refused" >&2
    echo "$1 $(rules)" >"$BACKUPS/masked-refused"
    line=$(wc -l <"$WORK/refused")
    fail "$(head -n 1 "$WORK/refused")$( ((line == 1)) || echo " (and $((line - 1)) more: see the log)")"
  fi

  # It has the rows as they are alone: what an update leaves behind is not dumped.
  pg_dump --dbname="$DATABASE" --format=custom --no-subscriptions --no-publications --no-security-labels --file="$file.dump" \
    2>"$WORK/complaints" || fail "$DATABASE: it could not be dumped again: $(complaint)"
  sync "$file.dump"
  sql --field-separator=' ' --dbname="$DATABASE" --file=- <<<"$TABLES" >"$file.content"
  look_for_originals "$file.dump"
  sql --command="drop database \"$DATABASE\""
  fill_scratch "$DATABASE" "$file.dump"
  read_back "$DATABASE"
  differing "$file.content" "$WORK/restored" >"$WORK/differences"
  [[ ! -s $WORK/differences ]] || fail "$DATABASE: what was restored is not what was masked: $(head -n 1 "$WORK/differences")"
  mb=$(sql --command="select pg_catalog.pg_database_size('$DATABASE') >> 20")
  sum=$(sha256sum <"$file.dump")
  printf '{"sha256": "%s", "bytes": %s, "database_mb": %s}\n' "${sum%% *}" "$(stat -c %s "$file.dump")" "$mb" >"$file.json"
  end_scratch
  MASKING=''
}

# look_for_originals DUMP: an address that was masked in its column, and stands in another.
look_for_originals() {
  local first
  [[ -s $SCRATCH/originals ]] || return 0 # without any, grep would not even read
  as_text "$1" | { LC_ALL=C grep --line-number --ignore-case --fixed-strings --file="$SCRATCH/originals" || (($? == 1)); } |
    cut -d : -f 1 >"$WORK/found"
  [[ -s $WORK/found ]] || return 0
  first=$(head -n 1 "$WORK/found")
  first=$(as_text "$1" | sed -n "1,$first{/^COPY /p}" | tail -n 1 | cut -d ' ' -f 2)
  fail "$first holds addresses that are masked elsewhere, in $(wc -l <"$WORK/found") lines of the dump;" \
    "mask the column that holds them, too: under backup.masked.rules.${first#public.}"
}

as_text() { pg_restore --data-only --file=- "$1"; }

export_newest() {
  local source name started=$SECONDS masked
  exec 8>"$BACKUPS/.masked.lock"
  until flock --wait "$PROGRESS_SECONDS" 8; do say "another export is being made; this one waits for it"; done
  wanted || return 0
  date +%s >"$RUNNING"
  alive "$RUNNING" 8>&- &
  ALIVE=$!
  alone "a masked export"
  source=$(newest) # which none can prune now
  name=${source:0:18}-masked
  rm -rf "$FOLDER"
  mkdir -p "$FOLDER/$DATABASE"
  mask "$source" "$FOLDER/$DATABASE/$name"
  masked=$((SECONDS - started))
  # One restic at a time: there is no memory for two.
  lock .offsite.lock "copies are being made"
  export TMPDIR=$BACKUPS/.masking
  mkdir -p "$TMPDIR"
  open
  send "$FOLDER" "$name" --host=masked --tag="rules=$(rules)"
  record "$name" "$(cat "$WORK/snapshot")" "\"rules\": \"$(rules)\""
  keep
  rm -f "$BACKUPS"/masked-{failure.json,refused}
  say "$name is exported, masked in $masked s, sent and read back after $((SECONDS - started)) s:" \
    "$(stat -c %s "$FOLDER/$DATABASE/$name.dump") bytes"
}

# keep: the last ones, and none that was masked by other rules.
keep() {
  local others=()
  must "the locks of dead runs could not be removed" tool unlock >/dev/null
  mapfile -t others < <(grep -F '"time"' "$WORK/snapshots" | grep -vF "\"rules=$(rules)\"" | each id '":"')
  ((${#others[@]} == 0)) || must "exports by other rules could not be removed" tool forget --prune "${others[@]}" >/dev/null
  forget masked "--keep-last=$KEPT"
}

# lock FILE REASON: instead of the one before it.
lock() {
  exec 9>"$BACKUPS/$1"
  until flock --wait "$PROGRESS_SECONDS" 9; do say "$2; this waits"; done
}

ended() {
  local code=$?
  [[ -z ${ALIVE:-} ]] || kill "$ALIVE" 2>/dev/null || true
  if [[ -n ${ALIVE:-} ]]; then
    [[ -z ${MASKING:-} ]] || end_scratch
    if ((code)); then
      failed "$BACKUPS/masked-failure.json"
    fi
    rm -rf "$RUNNING" "$FOLDER" "$BACKUPS/.masking"
  fi
  rm -rf "$WORK"
}

main() {
  umask 077
  export WORK
  WORK=$(mktemp -d)
  trap ended EXIT
  trap 'exit 143' TERM INT
  case ${1:-} in
    due) due ;;
    export) export_newest ;;
    list) LIMIT=20 must "the masked copies could not be listed" tool --no-lock snapshots --json ;;
    fetch)
      [[ -z ${MASKED_RULES:-} ]] || fail "this stack exports masked rows, and takes none"
      rm -rf "$FOLDER"
      shift && fetch "$FOLDER" "$@"
      ;;
    restic) shift && exec restic --no-cache "$@" ;;
    *) fail "${1:-nothing} is none of due, export, list, fetch, restic" ;;
  esac
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi
