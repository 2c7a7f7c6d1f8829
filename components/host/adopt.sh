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

# Ours is the line that says so; others are their owners'.
keys=$home/.ssh/authorized_keys
install -d -m 0700 -o "$user" -g "$(id -gn "$user")" "$home/.ssh"
touch "$keys"
{
  grep -v -e ' jira-plus-plus$' -e "^$key\$" "$keys" || true
  printf '%s jira-plus-plus\n' "$key"
} >"$keys.new"
chmod 0600 "$keys.new"
chown "$user:$(id -gn "$user")" "$keys.new"
mv "$keys.new" "$keys"

# As in bootstrap.sh: apt itself waits for two of its locks only.
apt() {
  log=$(mktemp)
  left=${APT_LOCK_SECONDS:-600}
  until DEBIAN_FRONTEND=noninteractive apt-get -qq -y "$@" </dev/null >"$log" 2>&1; do
    if ! grep -q 'Could not get lock' "$log" || [ "$left" -le 0 ]; then
      echo "ERROR: apt-get $* failed: $(cat "$log")" >&2
      exit 1
    fi
    [ $((left % 30)) -ne 0 ] || echo "WARNING: waiting: $(grep -m 1 -o 'Could not get lock.*' "$log")" >&2
    left=$((left - 1))
    sleep 1
  done
  rm "$log"
}

if ! command -v sudo >/dev/null; then
  apt update
  apt install --no-install-recommends sudo
fi
install -d -m 0750 /etc/sudoers.d
printf '%s ALL=(ALL) NOPASSWD:ALL\n' "$user" >/etc/sudoers.d/90-jira-plus-plus
chmod 0440 /etc/sudoers.d/90-jira-plus-plus
visudo -cqf /etc/sudoers.d/90-jira-plus-plus
