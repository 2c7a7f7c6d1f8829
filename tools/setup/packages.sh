#!/usr/bin/env bash
# Installs the system's packages of packages.txt that are missing, as root on a Debian; elsewhere it names them.
set -euo pipefail
cd "$(dirname "$0")"

missing=()
while read -r command package; do
  [[ -z "$command" || "$command" == \#* ]] && continue
  if ! command -v "$command" >/dev/null && [[ ! -x "/usr/sbin/$command" && ! -x "/sbin/$command" ]]; then
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
