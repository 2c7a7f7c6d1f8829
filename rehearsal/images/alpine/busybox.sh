#!/bin/sh
# Compiles BusyBox, whose sources lie here, with the applets that the file `programs.txt` names, one path a line.
set -eu

make -s defconfig

# include/applets.src.h and the sources' comments name each applet with its option: `applet:IF_WGET(APPLET(wget, …`,
# `applet:IF_TEST(APPLET_NOEXEC([, …`; what follows the name is the folder.
grep -rhoE '(//applet:)?IF_[A-Z0-9_]+\( *APPLET[A-Z_]*\( *[^,]+,' --include=*.c --include=applets.src.h . \
  | sed -E 's/.*IF_([A-Z0-9_]+)\( *APPLET[A-Z_]*\( *([^, ]+) *,/\1 \2/' | sort -u > options

# An option may stand for several applets (TEST1 for `[`), an applet for several options: off is what none of its applets wants.
sed 's|.*/||' programs.txt | sort -u > wanted
while read -r option applet; do
  if grep -qxF "$applet" wanted; then echo "$option"; fi
done < options | sort -u > on
cut -d' ' -f1 options | sort -u | while read -r option; do
  if grep -qxF "$option" on; then value=y; else value=n; fi
  sed -i -E "/^(# )?CONFIG_${option}[ =]/d" .config
  if [ "$value" = y ]; then echo "CONFIG_$option=y"; else echo "# CONFIG_$option is not set"; fi >> .config
done

# As Alpine sets them (aports, main/busybox/busyboxconfig): GNU's long options where it leaves them out, and `nc` as OpenBSD's.
off() { for option in "$@"; do sed -i -E "s/^CONFIG_$option=y/# CONFIG_$option is not set/" .config; done; }
on() { for option in "$@"; do sed -i -E "/^(# )?CONFIG_${option}[ =]/d" .config && echo "CONFIG_$option=y" >> .config; done; }
off FEATURE_GZIP_LONG_OPTIONS FEATURE_INSTALL_LONG_OPTIONS FEATURE_SPLIT_FANCY FEATURE_WC_LARGE FEATURE_PS_WIDE FEATURE_PS_LONG \
  FEATURE_RUN_PARTS_FANCY FEATURE_TAR_TO_COMMAND FEATURE_FIND_CONTEXT FEATURE_SH_STANDALONE FEATURE_PREFER_APPLETS \
  FEATURE_MOUNT_NFS FEATURE_INETD_RPC
on NC_110_COMPAT FEATURE_UTMP FEATURE_WTMP

make -s oldconfig < /dev/null > /dev/null 2>&1 || yes '' | make -s oldconfig > /dev/null
# musl has no headers of the kernel of its own.
make -s -j2 CC=musl-gcc CFLAGS='-Os -idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu' SKIP_STRIP=n 2> make.log \
  || { tail -20 make.log >&2 && exit 1; }
