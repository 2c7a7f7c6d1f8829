#!/usr/bin/env bash
#
# What is kept of a drill: BACKUPS/drill.json of the last, and of each of the last ones BACKUPS/drills/STAMP.json, in one line,
# and STAMP.md for people. To be sourced, after postgres.sh.

KEEP_DRILLS=20
declare -A FACTS=([wait_seconds]=0)

# fact NAME JSON: in another part of the same name the seconds add up.
fact() { if [[ $1 == wait_seconds ]]; then FACTS[$1]=$((FACTS[$1] + $2)); else FACTS[$1]=$2; fi; }

# quoted TEXT: as a string of JSON's.
quoted() { printf '"%s"' "$(tr -d '\\"' <<<"$1" | tr '[:cntrl:]' ' ' | tr -s ' ' | sed 's/ *$//')"; }

# keep_evidence CODE: of the drill that has just ended.
keep_evidence() {
  local stamp file good=0 code=$1 reason='' old
  stamp=$(date -u -d "@$BEGAN" +%FT%H%M%SZ)
  file=$BACKUPS/drills/$stamp
  good=$(number good "$BACKUPS/drill.json")
  if ((code == 0)); then
    good=$BEGAN
    fact rto_seconds "$((FACTS[fetch_seconds] + FACTS[restore_seconds] + FACTS[check_seconds]))"
    say "the drill was good: $(spent)"
  else
    reason=$(cat "$WORK/reason" 2>/dev/null || echo "it ended with $code without a word; its log has more")
    reason=$(quoted "$reason")
    reason=${reason:1:-1}
    say "the drill failed: $reason" >&2
  fi
  if ! { mkdir -p "$BACKUPS/drills" && page "$stamp" "$reason" "${good:-0}" | whole "$file.md" &&
    line "$stamp" "$reason" "${good:-0}" | whole "$file.json" && whole "$BACKUPS/drill.json" <"$file.json"; }; then
    say "ERROR: the evidence could not be written to $BACKUPS/drills" >&2
    return 1
  fi
  for old in $(find "$BACKUPS/drills" -name '*.json' | sort -r | tail -n +"$((KEEP_DRILLS + 1))"); do
    rm -f "$old" "${old%.json}.md"
  done
}

# line STAMP REASON GOOD
line() {
  local name role
  printf '{"ok": %s, "stamp": "%s", "began": %s, "finished": %s, "good": %s' \
    "$([[ -n $2 ]] && echo false || echo true)" "$1" "$BEGAN" "$(date +%s)" "$3"
  [[ -z $2 ]] || printf ', "reason": "%s"' "$2"
  for name in name bytes rto_seconds rpo_seconds wait_seconds fetch_seconds restore_seconds check_seconds newest newest_in postgres; do
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

spent() {
  printf '%s s (%s s to fetch, %s s to restore, %s s to check)' "${FACTS[rto_seconds]:-}" "${FACTS[fetch_seconds]}" \
    "${FACTS[restore_seconds]}" "${FACTS[check_seconds]}"
}

# page STAMP REASON GOOD
page() {
  local stranger
  echo "# The drill of $1 $([[ -n $2 ]] && echo failed || echo 'was good')"
  echo
  [[ -z $2 ]] || printf '%s.\n\n' "$2"
  echo '| | |'
  echo '|---|---|'
  echo "| copy | ${FACTS[name]:-none was found}, ${FACTS[bytes]:-0} bytes |" | tr -d '"'
  [[ -n $2 ]] || echo "| from nothing to checked | $(spent) |"
  [[ -z ${FACTS[rpo_seconds]:-} ]] || echo "| lost, had the machine gone then | what was written in the last $((FACTS[rpo_seconds] / 60)) min |"
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

# show: the last one's page.
show() {
  local stamp
  stamp=$(sed -n 's/.*"stamp": "\([^"]*\)".*/\1/p' "$BACKUPS/drill.json" 2>/dev/null || true)
  [[ -n $stamp ]] || fail "no drill was made yet: the first one comes with the first copy off the machine"
  cat "$BACKUPS/drills/$stamp.md"
  grep -q '"ok": true' "$BACKUPS/drill.json"
}
