#!/bin/sh
#
# Gives the program its way into a server that existed before: the user that a new server gets from cloud-init.
#
#   adopt.sh 'ssh-ed25519 ...'
set -eu

user=deploy
key=$1

id "$user" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash "$user"
home=$(getent passwd "$user" | cut -d: -f6)

install -d -m 0700 -o "$user" -g "$user" "$home/.ssh"
printf '%s\n' "$key" >"$home/.ssh/authorized_keys"
chmod 0600 "$home/.ssh/authorized_keys"
chown "$user:$user" "$home/.ssh/authorized_keys"

if ! command -v sudo >/dev/null; then
  apt-get -qq -o DPkg::Lock::Timeout=300 update </dev/null
  DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 install --no-install-recommends sudo </dev/null
fi
install -d -m 0750 /etc/sudoers.d
printf '%s ALL=(ALL) NOPASSWD:ALL\n' "$user" >/etc/sudoers.d/90-jira-plus-plus
chmod 0440 /etc/sudoers.d/90-jira-plus-plus
visudo -cqf /etc/sudoers.d/90-jira-plus-plus
