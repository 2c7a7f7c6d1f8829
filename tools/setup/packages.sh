#!/usr/bin/env bash
# Installs what the given target (rehearse, test, ...; all, without one) wants of packages.txt and does not find,
# as root on a Debian; elsewhere it names it.
set -euo pipefail
cd "$(dirname "$0")"

target=${1:-}
missing=()
while read -r command package targets; do
  [[ -z "$command" || "$command" == \#* ]] && continue
  [[ -n "$target" && ",$targets," != *",$target,"* ]] && continue
  if ! PATH="$PATH:/usr/sbin:/sbin" command -v "$command" >/dev/null; then
    missing+=("$package")
  fi
done <packages.txt
[[ ${#missing[@]} -eq 0 ]] && exit 0

mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
if [[ $EUID -ne 0 ]] || ! command -v apt-get >/dev/null; then
  echo "not installed (needs root and apt-get): ${missing[*]}; what needs them is skipped or only recorded" >&2
  exit 0
fi
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
