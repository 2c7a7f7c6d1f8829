#!/bin/sh
# Puts programs into /out with the libraries that they load, at the places where they are: take.sh <program>...
set -eu

for program in "$@"; do
  path=$(command -v "$program")
  # `ldd` names the loader and each library; a static program has none. Links become what they lead to.
  for file in "$path" $(ldd "$path" 2>/dev/null | grep -o '/[^ )]*' || true); do
    install -D "$(readlink -f "$file")" "/out$file"
  done
done
