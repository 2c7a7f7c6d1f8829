#!/usr/bin/env bash
#
# What is kept of a drill: BACKUPS/drill-KIND.json of the last, and of each of the last ones of the kind
# BACKUPS/drills/STAMP-KIND.json, in one line, and STAMP-KIND.md for people. Where one fails as the last did, that one's goes: a
# service that is away for a day is not to be all that is kept. To be sourced, after postgres.sh.

KEEP_DRILLS=20
declare -A FACTS=([wait_seconds]=0)

# fact NAME JSON: in another part of the same name the seconds add up.
fact() { if [[ $1 == wait_seconds ]]; then FACTS[$1]=$((FACTS[$1] + $2)); else FACTS[$1]=$2; fi; }

# quoted TEXT: as a string of JSON's.
quoted() { printf '"%s"' "$(tr -d '\\"' <<<"$1" | tr '[:cntrl:]' ' ' | tr -s ' ' | sed 's/ *$//')"; }

# keep_evidence CODE: of the drill that has just ended.
keep_evidence() {
  local stamp file good=0 code=$1 reason='' old former=''
  stamp=$(date -u -d "@$BEGAN" +%FT%H%M%SZ)
  file=$BACKUPS/drills/$stamp-$KIND
  good=$(number good "$LAST")
  if ((code == 0)); then
    good=$BEGAN
    fact rto_seconds "$(seconds_of "${PARTS[@]}")"
    say "the drill of the $KIND was good: $(spent)"
  else
    reason=$(cat "$WORK/reason" 2>/dev/null || echo "it ended with $code without a word; its log has more")
    reason=$(quoted "$reason")
    reason=${reason:1:-1}
    say "the drill of the $KIND failed: $reason" >&2
    if grep -qsF "\"reason\": \"$reason\"" "$LAST"; then former=$(last_stamp); fi
  fi
  if ! { mkdir -p "$BACKUPS/drills" && page "$stamp" "$reason" "${good:-0}" | whole "$file.md" &&
    line "$stamp" "$reason" "${good:-0}" | whole "$file.json" && whole "$LAST" <"$file.json"; }; then
    say "ERROR: the evidence could not be written to $BACKUPS/drills" >&2
    return 1
  fi
  [[ -z $former || $former == "$stamp" ]] || rm -f "$BACKUPS/drills/$former-$KIND".{json,md}
  for old in $(find "$BACKUPS/drills" -name "*-$KIND.json" | sort -r | tail -n +"$((KEEP_DRILLS + 1))"); do
    rm -f "$old" "${old%.json}.md"
  done
}

# line STAMP REASON GOOD
line() {
  local name role
  printf '{"kind": "%s", "ok": %s, "stamp": "%s", "began": %s, "finished": %s, "good": %s' \
    "$KIND" "$([[ -n $2 ]] && echo false || echo true)" "$1" "$BEGAN" "$(date +%s)" "$3"
  [[ -z $2 ]] || printf ', "reason": "%s"' "$2"
  for name in name bytes log_mb rto_seconds rpo_seconds lost last_commit wait_seconds "${PARTS[@]/%/_seconds}" newest newest_in postgres; do
    printf ', "%s": %s' "$name" "${FACTS[$name]:-null}"
  done
  printf ', "roles": [%s], "databases": {%s}}\n' "$(each_role | while read -r role; do quoted "$role"; done | sed 's/""/", "/g')" \
    "$(awk '{printf "%s\"%s\": {\"tables\": %s, \"rows\": %s, \"mb\": %s}", (NR > 1 ? ", " : ""), $1, $2, $3, $4}' "$WORK/databases" 2>/dev/null)"
}

each_role() { sort -u "$WORK/roles" 2>/dev/null || true; }

# strange: roles that the copy names and no deploy makes, by which a restore on a new machine would stop.
strange() {
  local role
  each_role | while read -r role; do [[ " ${ROLES:-} " == *" $role "* ]] || printf '%s ' "$role"; done
}

# seconds_of PART...: together.
seconds_of() {
  local part sum=0
  for part in "$@"; do sum=$((sum + FACTS[${part}_seconds])); done
  echo "$sum"
}

spent() {
  local part
  printf '%s s (' "${FACTS[rto_seconds]}"
  for part in "${PARTS[@]}"; do printf '%s s to %s%s' "${FACTS[${part}_seconds]}" "$part" "$([[ $part == "${PARTS[-1]}" ]] || echo ', ')"; done
  printf ')'
}

# at_risk: what would have been lost, in words.
at_risk() {
  local seconds=${FACTS[rpo_seconds]} span
  span=$( ((seconds < 120)) && echo "$seconds s" || echo "$((seconds / 60)) min")
  case $KIND:${FACTS[lost]:-} in
    copies:) echo "what was written in the last $span" ;;
    log:) echo "at most what was written in the last $span; the server could not be asked" ;;
    log:0) echo "nothing: the last commit, of ${FACTS[last_commit]:-an earlier moment}, was in the log" | tr -d '"' ;;
    log:*) echo "${FACTS[lost]} commits, of the last $span" ;;
  esac
}

# page STAMP REASON GOOD
page() {
  local stranger
  echo "# The drill of the $KIND of $1 $([[ -n $2 ]] && echo failed || echo 'was good')"
  echo
  [[ -z $2 ]] || printf '%s.\n\n' "$2"
  echo '| | |'
  echo '|---|---|'
  echo "| $([[ $KIND == log ]] && echo 'cluster, with its log' || echo copy) | ${FACTS[name]:-none was found}, ${FACTS[bytes]:-0} bytes${FACTS[log_mb]:+, ${FACTS[log_mb]} MB of log} |" | tr -d '"'
  [[ -n $2 ]] || echo "| from nothing to checked | $(spent) |"
  [[ -z ${FACTS[rpo_seconds]:-} ]] || echo "| lost, had the machine gone then | $(at_risk) |"
  [[ -n $2 ]] || echo "| newest moment in ${DATABASES%% *} | ${FACTS[newest]:-none} (${FACTS[newest_in]:-no column holds one}) |" | tr -d '"'
  [[ -z ${FACTS[postgres]:-} ]] || echo "| Postgres | ${FACTS[postgres]} |" | tr -d '"'
  stranger=$(strange)
  [[ -z $stranger ]] || echo "| roles that no deploy makes | $stranger: make them before a restore on a new machine, which stops without |"
  echo "| last good drill | $( (($3)) && date -u -d "@$3" '+%F %T UTC' || echo none) |"
  if [[ -s $WORK/databases ]]; then
    printf '\n| database | tables | rows | MB |\n|---|---|---|---|\n'
    sed 's/ / | /g; s/.*/| & |/' "$WORK/databases"
  fi
}

last_stamp() { sed -n 's/.*"stamp": "\([^"]*\)".*/\1/p' "$LAST" 2>/dev/null || true; }

# show: the last one's page.
show() {
  local stamp
  stamp=$(last_stamp)
  [[ -n $stamp ]] || fail "no drill of the $KIND was made yet: the first one comes with the first $(
    [[ $KIND == log ]] && echo backup || echo copy
  ) off the machine"
  cat "$BACKUPS/drills/$stamp-$KIND.md"
  grep -q '"ok": true' "$LAST"
}
