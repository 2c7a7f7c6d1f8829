#!/bin/sh
# Lays out the root of an Alpine in /out.
set -eu

install -D busybox /out/bin/busybox
# What else Alpine has in these folders (apk, musl's tools) is no applet.
./busybox --list > list
while read -r path; do
  if grep -qxF "${path##*/}" list && [ "$path" != /bin/busybox ]; then
    mkdir -p "/out${path%/*}"
    ln -s /bin/busybox "/out$path"
  fi
done < programs.txt
install -D /lib/ld-musl-x86_64.so.1 /out/lib/ld-musl-x86_64.so.1

mkdir -p /out/etc/ssl/certs /out/home /out/opt /out/proc /out/root /out/run /out/sys /out/tmp /out/usr/local/bin /out/var/log /out/dev
chmod 1777 /out/tmp
ln -s /run /out/var/run
cp passwd group /out/etc/
