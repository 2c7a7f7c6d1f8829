#!/bin/sh
# Lays out the root in /out: the BusyBox of the Alpine that this runs in, which is linked to musl and not to glibc.
set -eu

mkdir -p /out/bin /out/lib /out/etc /out/home /out/root /out/tmp
cp /bin/busybox /out/bin/
cp /lib/ld-musl-x86_64.so.1 /out/lib/
while read -r path; do
  [ "$path" = /bin/busybox ] || ln -s /bin/busybox "/out$path"
done </build/programs.txt
chmod 1777 /out/tmp
cp /build/passwd /build/group /out/etc/
