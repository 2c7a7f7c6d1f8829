#!/bin/sh
# Unpacks packages of another Debian release, with all that they need and this one has not: unpack.sh <release> <root> <package>...
#
# Unpacked, not installed: another release's libraries in place of this one's would break what works with these.
set -eu

release=$1
root=$2
shift 2
release.sh "$release" deb
apt-get install -qy --no-install-recommends --download-only -t "$release" "$@"
mkdir -p "$root"
for package in /var/cache/apt/archives/*.deb; do dpkg -x "$package" "$root"; done
