#!/bin/sh
# Adds the packages (deb) or sources (deb-src) of another Debian release to what apt finds: release.sh <release> <type>
#
# From where this image gets its own; the release's security updates have no list of their own in testing.
set -eu

release=$1
type=$2
# shellcheck source=/dev/null # of the image
own=$(. /etc/os-release && echo "$VERSION_CODENAME")
for sources in /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources; do
  [ -s "$sources" ] || continue
  case $sources in
    *.sources) list=/etc/apt/sources.list.d/$release.sources ;;
    *) list=/etc/apt/sources.list.d/$release.list ;;
  esac
  # Paragraphs or lines of the release itself, without its updates and security.
  case $sources in
    *.sources) awk -v RS= -v ORS='\n\n' '!/security/' "$sources" ;;
    *) grep -v security "$sources" ;;
  esac | sed -E "s/$own-updates//; s/\b$own\b/$release/g; s/^Types: .*/Types: $type/; s/^deb(-src)? /$type /" > "$list"
done
printf 'Package: *\nPin: release n=%s\nPin-Priority: 500\n' "$own" > /etc/apt/preferences.d/own
printf 'Package: *\nPin: release a=%s\nPin-Priority: 400\n' "$release" > /etc/apt/preferences.d/other
# A mirror may lag behind what its list says of its age.
apt-get -o Acquire::Check-Valid-Until=false update -q
