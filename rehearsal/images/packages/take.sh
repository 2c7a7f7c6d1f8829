#!/bin/sh
# Puts programs into /out with the libraries that they load, at the places where they are: take.sh [--from <root>] <program>...
#
# <root>: where packages of another Debian release were unpacked; nothing of it need run here.
set -eu

root=
if [ "$1" = --from ]; then
  root=$2
  shift 2
fi
libraries=usr/lib/x86_64-linux-gnu
loader=$root/lib64/ld-linux-x86-64.so.2
[ -e "$loader" ] || loader=$root/usr/lib64/ld-linux-x86-64.so.2

for program in "$@"; do
  if [ -n "$root" ]; then
    path=$(find "$root/usr/bin" "$root/usr/sbin" -name "$program" | head -1)
  else
    path=$(command -v "$program")
  fi
  install -D "$(readlink -f "$path")" "/out${path#"$root"}"
  # The loader names each library and where it is; a static program has none. Links become what they lead to.
  "$loader" --library-path "$root/$libraries:/$libraries:/lib/x86_64-linux-gnu" --list "$path" 2>/dev/null \
    | grep -o '=> /[^ ]*' | cut -c4- | while read -r library; do
    install -D "$(readlink -f "$library")" "/out/$libraries/${library##*/}"
  done
  install -D "$(readlink -f "$loader")" /out/lib64/ld-linux-x86-64.so.2
done
