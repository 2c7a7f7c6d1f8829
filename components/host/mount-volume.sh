#!/usr/bin/env bash
#
# Mounts the data volume, by its identity, now and at every boot. May run any number of times.
#
#   mount-volume.sh --device /dev/disk/by-id/scsi-0HC_Volume_1 --path /mnt/data --size-gb 10
#
# A filesystem is made only on a device that is blank. Anything else that is found on it stops the script.
# The bare mountpoint is immutable and Docker needs the mount: nothing can write data to the root disk by mistake.
set -euo pipefail

UNITS=${UNITS:-/etc/systemd/system}
TIMEOUT=${TIMEOUT:-120} # seconds until the device must have appeared

say() { printf '%s\n' "$*"; }
warn() { printf 'WARNING: %s\n' "$*" >&2; }
fail() {
  printf 'ERROR: %s\n' "$*" >&2
  exit 1
}

wait_for_device() {
  local device=$1 size_gb=$2 waited=0 bytes
  until [[ -b $device ]]; do
    ((waited++ < TIMEOUT)) || fail "$device did not appear within $TIMEOUT s: is the volume attached to this server?"
    sleep 1
  done
  # A resize reaches the machine some seconds after the API calls it done.
  until bytes=$(blockdev --getsize64 "$device") && ((bytes >= size_gb * 1000 ** 3)); do
    ((waited++ < TIMEOUT)) || fail "$device has $bytes bytes after $TIMEOUT s, fewer than $size_gb GB"
    sleep 1
  done
}

# The type of the filesystem on the device, after making one if the device is blank.
ensure_filesystem() {
  local device=$1 found code=0
  found=$(blkid --probe --output export "$device") || code=$?
  case $code in
    0) ;;
    2) # nothing recognised. Blank means: the first MiB is zeros, too.
      cmp --silent --bytes=1048576 "$device" /dev/zero ||
        fail "$device holds data of no known kind; it stays untouched." \
          "If it is worthless: wipe it with 'blkdiscard $device' and run again"
      say "$device is blank: making a filesystem"
      mkfs.ext4 -q -m 1 -L jira-data "$device"
      return
      ;;
    *) fail "blkid cannot tell what is on $device (code $code); it stays untouched" ;;
  esac
  grep -qx 'TYPE=ext4' <<<"$found" ||
    fail "$device holds something else than ext4; it stays untouched: $(tr '\n' ' ' <<<"$found")"
}

ensure_mountpoint() {
  local path=$1
  if mountpoint -q "$path"; then return 0; fi
  mkdir -p "$path"
  [[ -z $(ls -A "$path") ]] ||
    fail "$path is not the volume and holds files: move them away, they would be hidden by the mount"
  if ! chattr +i "$path"; then
    systemd-detect-virt --container --quiet || fail "$path cannot be made immutable (see above)"
    warn "$path cannot be made immutable in a container"
  fi
}

# put PATH: writes stdin, whole or not at all, and only when it differs.
put() {
  local path=$1 new
  mkdir -p "$(dirname "$path")"
  new=$(mktemp "$path.XXXXXX")
  cat >"$new"
  chmod 0644 "$new"
  if cmp -s "$new" "$path"; then rm "$new"; else mv "$new" "$path"; fi
}

# The filesystem follows a volume that grew; where there is nothing to do this does nothing.
grow() {
  local output
  if output=$(resize2fs "$1" 2>&1); then return 0; fi
  if systemd-detect-virt --container --quiet && [[ $output == *'Permission denied'* ]]; then
    warn "the kernel of this container refuses to grow $1"
  else
    fail "the filesystem on $1 could not be grown: $output"
  fi
}

is_mounted_from() { # PATH DEVICE, compared by number: a device has many names
  local mounted
  mounted=$(findmnt --noheadings --first-only --output MAJ:MIN --mountpoint "$1" | tr -d ' ')
  [[ $mounted == $(stat --dereference --format %Hr:%Lr "$2") ]]
}

main() {
  local device='' path='' size_gb=0 unit
  while (($#)); do
    case $1 in
      --device) device=$2 && shift 2 ;;
      --path) path=$2 && shift 2 ;;
      --size-gb) size_gb=$2 && shift 2 ;;
      *) fail "unknown argument: $1" ;;
    esac
  done
  [[ $device == /dev/* && $path == /* && $size_gb =~ ^[0-9]+$ ]] ||
    fail "usage: mount-volume.sh --device /dev/disk/by-id/... --path /mnt/data --size-gb 10"

  wait_for_device "$device" "$size_gb"
  if mountpoint -q "$path" && ! is_mounted_from "$path" "$device"; then
    fail "$path is the mountpoint of $(findmnt -n -o SOURCE -M "$path"), not of $device: unmount it first"
  fi
  mountpoint -q "$path" || ensure_filesystem "$device"
  ensure_mountpoint "$path"

  unit=$(systemd-escape --path --suffix=mount "$path")
  put "$UNITS/$unit" <<UNIT
[Unit]
Description=Data volume of Jira++
Before=docker.service

[Mount]
What=$device
Where=$path
Type=ext4
Options=noatime,nodev,nosuid,noexec,discard

[Install]
WantedBy=multi-user.target
UNIT
  # Docker starts after the mount and not without it, and stops before it goes: Postgres is never cut off by an unmount.
  put "$UNITS/docker.service.d/data-volume.conf" <<UNIT
[Unit]
RequiresMountsFor=$path
UNIT
  systemctl daemon-reload
  systemctl enable --quiet "$unit"
  systemctl start "$unit"
  is_mounted_from "$path" "$device" || fail "$path is not mounted from $device: journalctl -u $unit"
  grow "$device"
  systemctl start docker
  say "$path is $device, $(df --output=size --human-readable "$path" | tail -n 1 | tr -d ' ')"
}

if [[ ${BASH_SOURCE[0]:-$0} == "$0" ]]; then
  main "$@" </dev/null
  exit
fi
