#!/bin/sh
# First process of a machine: makes the container fit for systemd, then becomes it.
set -eu

# The machine's own cgroup tree and network settings are its to write; Docker mounts both read-only.
for mount in /sys/fs/cgroup /sys/fs/cgroup/*; do
  if mountpoint -q "$mount"; then mount -o remount,bind,rw "$mount"; fi
done
mount --bind /proc/sys/net /proc/sys/net
mount -o remount,bind,rw /proc/sys/net

# systemd starts mount units at once, so the volumes have to be there before it.
/usr/local/lib/rehearsal/devices.sh

# systemd 256 and later boot under version 1 of the kernel's control groups, which this machine may have, only if told to.
exec /sbin/init SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1 "$@"
