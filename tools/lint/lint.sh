#!/usr/bin/env bash
# Every check that reads the sources: all run, each failure is named, one failure fails the whole.
# A tool that is not to be had is skipped with its reason; under CI=true that is a failure too.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

failed=()
run() {
  local name=$1
  shift
  echo "── $name"
  "$@" || failed+=("$name")
}
skip() {
  echo "── $1: skipped, $2"
  if [[ ${CI:-} == true ]]; then failed+=("$1 (skipped: $2)"); fi
}
tracked() { git ls-files --cached --others --exclude-standard -- "$@" | while read -r f; do [[ -f $f ]] && echo "$f"; done; }

run ruff ruff check
run "ruff format" ruff format --check
run mypy mypy
run "versions of the stand-ins" python -m rehearsal.images versions

mapfile -t yaml < <(tracked '*.yml' '*.yaml')
run yamllint yamllint --strict "${yaml[@]}"

mapfile -t shell < <(tracked '*.sh' '.ci/run')
if command -v shellcheck >/dev/null; then
  run shellcheck shellcheck "${shell[@]}"
else
  skip shellcheck "install shellcheck"
fi

mapfile -t workflows < <(tracked '.github/workflows/*.yml' '.github/workflows/*.yaml')
if [[ ${#workflows[@]} -gt 0 ]]; then
  if go=$(python -m operations.golang); then
    run actionlint "$go" -C tools/lint tool actionlint "${workflows[@]/#/$PWD/}"
  else
    skip actionlint "install Go"
  fi
  run zizmor zizmor --offline --quiet "${workflows[@]}"
fi

if [[ ${#failed[@]} -gt 0 ]]; then
  printf 'failed: %s\n' "${failed[@]}" >&2
  exit 1
fi
