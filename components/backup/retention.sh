#!/usr/bin/env bash
#
# Which dumps stay. To be sourced.
#
# A dump is STAMP-KIND.dump, and STAMP its time in UTC; what the schedule made is pruned by day, week and month, and what was
# made for another reason by number alone: the dump before a release must outlive the schedule's of that day. Those of a moment
# are made of the archive, and can be made again.
#   KEEP_DAILY, KEEP_WEEKLY, KEEP_MONTHLY, KEEP_RELEASES, KEEP_MANUAL: how many stay.

KEEP_UNPROVEN=2
KEEP_MOMENTS=2

# prune FOLDER
prune() {
  local file day kept
  local -A seen=() count=()
  for file in $(dumps_of "$1" scheduled | sort -r); do
    day=$(basename "$file")
    day=${day%%T*}
    kept=no
    newest_of day "$day" "$KEEP_DAILY" && kept=yes
    newest_of week "$(date -u -d "$day" +%G-%V)" "$KEEP_WEEKLY" && kept=yes
    newest_of month "${day%-*}" "$KEEP_MONTHLY" && kept=yes
    [[ $kept == yes ]] || remove "$file"
  done
  keep_newest "$KEEP_RELEASES" < <(dumps_of "$1" release)
  keep_newest "$KEEP_MANUAL" < <(dumps_of "$1" manual)
  keep_newest "$KEEP_MOMENTS" < <(dumps_of "$1" moment)
  keep_newest "$KEEP_UNPROVEN" < <(find "$1" -maxdepth 1 -name '*.unproven')
}

# dumps_of FOLDER KIND: before kinds had names, all were the schedule's.
dumps_of() {
  if [[ $2 == scheduled ]]; then
    find "$1" -maxdepth 1 -name '*.dump' ! -name '*-release.dump' ! -name '*-manual.dump' ! -name '*-moment.dump'
  else
    find "$1" -maxdepth 1 -name "*-$2.dump"
  fi
}

# keep_newest NUMBER: of the files on standard input.
keep_newest() {
  local file
  sort -r | tail -n +"$(($1 + 1))" | while read -r file; do remove "$file"; done
}

# newest_of KIND PERIOD LIMIT: true for the first dump of a period, for the first LIMIT periods of a kind.
newest_of() {
  [[ -z ${seen["$1 $2"]:-} ]] || return 1
  seen["$1 $2"]=yes
  count[$1]=$((${count[$1]:-0} + 1))
  ((count[$1] <= $3))
}

# remove DUMP: and what is told of it.
remove() {
  rm -f "$1" "${1%.*}.content" "${1%.*}.json" "${1%.*}.reason"
  say "pruned $1"
}
