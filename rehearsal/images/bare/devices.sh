#!/bin/sh
# Makes /dev and /dev/disk/by-id show exactly the volumes listed in the seed: `<volume id> <name under /dev> <minor>` a line.
# Runs before systemd at every boot, and again when a volume is attached or detached, which may be while it boots: in turn.
set -eu

list=/var/lib/cloud/seed/nocloud/volumes
by_id=/dev/disk/by-id
loop_major=7

mkdir -p "$by_id"
exec 9<"$by_id"
flock 9

# A volume that is gone from the list: let go of it first, so that what was written reaches it.
for link in "$by_id"/scsi-0HC_Volume_*; do
  [ -L "$link" ] || continue
  id=${link##*_}
  if ! grep -q "^$id " "$list"; then
    device=$(readlink -f "$link")
    sync
    while mountpoint=$(findmnt -n -o TARGET --source "$device" | tail -n 1) && [ -n "$mountpoint" ]; do
      umount "$mountpoint" 2>/dev/null || umount --lazy "$mountpoint"
    done
    rm -f "$link" "$device"
  fi
done

while read -r id name minor; do
  [ -b "/dev/$name" ] || mknod -m 0660 "/dev/$name" b "$loop_major" "$minor"
  ln -sfn "../../$name" "$by_id/scsi-0HC_Volume_$id"
done < "$list"
