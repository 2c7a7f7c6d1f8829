#!/usr/bin/env bash
#
# Ends with 0 while the last good backup is younger than MAXIMUM_AGE_HOURS, and while one that shows signs of life is being made
# in its place; says which, and else why there is none. Where copies go off the machine (RESTIC_REPOSITORY), the same holds of
# the newest copy, which must not be known to be damaged either. Where masked rows are exported (MASKED_RULES), of the newest
# export. Where the database's log leaves it (ARCHIVE), the same holds of the backup that it is replayed on, and the log must be
# whole and must not wait. The last drill of copies and of the log must have been good, and not be overdue by more than two days:
# for LIFE_SECONDS from the container's start one that failed before it is only told, for what was mended must start.
# shellcheck source-path=SCRIPTDIR
set -euo pipefail

: "${BACKUPS:?}" "${MAXIMUM_AGE_HOURS:?}"
HERE=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
. "$HERE/postgres.sh"
. "$HERE/log.sh"
LIFE_SECONDS=${LIFE_SECONDS:-300} # between two signs of life, and between a backup and the begin of its copy, at most
HOUR=3600

reason() { sed -n 's/.*"reason": "\([^"]*\)".*/; since then: \1/p' "$BACKUPS/$1" 2>/dev/null || true; }

# judged WHAT MOMENT REASON RUNNING: says how old it is, and ends with 1 where nothing young enough is there or under way.
judged() {
  local state="no $1 was finished yet" begun life
  if [[ -n $2 ]]; then
    state="the last good $1 is $(((now - $2) / HOUR)) h old"
    if (((now - $2) / HOUR < MAXIMUM_AGE_HOURS)); then
      echo "$state$3"
      return
    fi
  fi
  begun=$(cat "$BACKUPS/$4" 2>/dev/null || true)
  life=$(stat --format=%Y "$BACKUPS/$4" 2>/dev/null || echo 0)
  if [[ -n $begun && -z $3 ]] && ((now - life < LIFE_SECONDS && now - begun < MAXIMUM_AGE_HOURS * HOUR)); then
    echo "$state; one has been under way for $(((now - begun) / 60)) minutes"
    return
  fi
  echo "$state$3"
  return 1
}

# followed WHAT NAME: the same of what is made of each backup; NAME.json names the newest one.
followed() {
  local of why
  # Its age is that of the backup that it was made of.
  of=$(sed -n 's/.*"name": "\(.\{10\}\)T\(..\)\(..\)\(..\)Z.*/\1 \2:\3:\4 UTC/p' "$BACKUPS/$2.json" 2>/dev/null || true)
  why=$(reason "$2-failure.json")
  if [[ -z $why && -n $finished ]] && ((now - finished < LIFE_SECONDS)); then
    echo "its $1 comes next"
  elif [[ -z $finished ]]; then
    echo "its $1 comes after it"
  else
    judged "$1" "${of:+$(date -d "$of" +%s)}" "$why" "$2-running"
  fi
}

# copies: of the dumps.
copies() {
  [[ ! -e $BACKUPS/offsite-damaged ]] || {
    echo "copies off the machine are damaged$(reason offsite-failure.json)"
    return 1
  }
  followed "copy off the machine" offsite
}

# exports: of masked rows.
exports() {
  local tried
  tried=$(stat --format=%Y "$BACKUPS/masked-key" 2>/dev/null || echo 0)
  if ! grep -qs '^table ' "$BACKUPS/${DATABASES%% *}"/*-scheduled.content; then
    echo "its masked export comes with the first tables"
  elif [[ ! -e $BACKUPS/masked.json ]] && ((now - tried < MAXIMUM_AGE_HOURS * HOUR)); then
    # No deploy is to wait until the last column has its rule.
    echo "no masked export was finished yet$(reason masked-failure.json)"
  else
    followed "masked export" masked
  fi
}

# archive: of the database's log, and of the backups that it is replayed on.
archive() {
  local waits why
  why=$(reason archive-failure.json)
  [[ ! -e $BACKUPS/archive-gap ]] || {
    echo "the log off the machine has a gap: $(cat "$BACKUPS/archive-gap")"
    return 1
  }
  waits=$(waiting)
  if ((waits >= LIFE_SECONDS)); then
    echo "the log has been waiting for $((waits / 60)) minutes to leave the machine$why"
    return 1
  fi
  # Two of the schedule's may fail.
  MAXIMUM_AGE_HOURS=$((INCREMENTAL_HOURS * 3)) judged "backup with the log" "$(number finished "$BACKUPS/archive.json")" "$why" archive-running
}

# drilled KIND DAYS WHAT: the same of the drills of a kind, each so many days; where none was made yet, from the first of WHAT on.
drilled() {
  local last=$BACKUPS/drill-$1.json began from days state
  began=$(number began "$last")
  from=${began:-$(cat "$BACKUPS/drill-$1-awaited" 2>/dev/null || true)}
  [[ -n $from ]] || return 0
  days=$(((now - from) / 86400))
  if grep -q '"ok": false' "$last" 2>/dev/null; then
    state="the last drill of the $1 failed: $(sed -n 's/.*"reason": "\([^"]*\)".*/\1/p' "$last")"
  elif ((days >= $2 + 2)); then
    state="the drill of the $1 is overdue: $(if [[ -n $began ]]; then echo "the last was $days days ago"; else echo "none in $days days of $3"; fi)"
  else
    [[ -z $began ]] || echo "the last good drill of the $1 was $days days ago"
    return 0
  fi
  if ((now - $(stat --format=%Y "$BACKUPS/drill-$1-anew" 2>/dev/null || echo 0) < LIFE_SECONDS)); then
    echo "$state; it is made again now"
    return 0
  fi
  echo "$state"
  return 1
}

now=$(date +%s)
finished=$(number finished "$BACKUPS/status.json")
code=0
judged backup "$finished" "$(reason failure.json)" running || code=1
if [[ -n ${RESTIC_REPOSITORY:-} ]]; then copies || code=1; fi
if [[ -n ${DRILL_COPIES_DAYS:-} ]]; then drilled copies "$DRILL_COPIES_DAYS" copies || code=1; fi
if [[ -n ${MASKED_RULES:-} ]]; then exports || code=1; fi
if [[ -n ${ARCHIVE:-} ]]; then archive || code=1; fi
if [[ -n ${DRILL_LOG_DAYS:-} ]]; then drilled log "$DRILL_LOG_DAYS" backups || code=1; fi
exit "$code"
