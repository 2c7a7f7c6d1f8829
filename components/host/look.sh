#!/bin/sh
#
# Looks at a server that existed before, and changes nothing: is it in use, and what stands in the way?
#
#   look.sh [--shared]
#
# Ends with 1 and a line for each finding with its way out. `--shared`: its owner knows that it is in use, and the
# program keeps what is there; then only what cannot be shared is told. A server that was adopted before is ours to go on with.
set -eu

ROOT=${ROOT:-} # a folder in place of /, for the tests
shared=no
[ "${1:-}" != --shared ] || shared=yes
[ ! -e "$ROOT/etc/ssh/sshd_config.d/10-jira-plus-plus.conf" ] || exit 0

found=''
add() {
  found="$found
- $1"
}
in_use() { [ "$shared" = yes ] || add "$1"; }
has() { command -v "$1" >/dev/null 2>&1; }
active() { has systemctl && systemctl is-active --quiet "$1" 2>/dev/null; }
# one_line: the lines of stdin as one, with commas.
one_line() { paste -s -d , - | sed 's/,/, /g'; }

# --- what cannot be shared -----------------------------------------------------------------------------------------

system=$(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' "$ROOT/etc/os-release")
if ! grep -qx 'ID=debian' "$ROOT/etc/os-release" || ! grep -qE '^VERSION_ID="1[23]"' "$ROOT/etc/os-release"; then
  add "the system is $system: Debian 12 or 13 is needed"
fi

for port in 80 443; do
  holder=$(ss -Hltnp "sport = :$port" 2>/dev/null | sed -n 's/.*users:(("\([^"]*\)".*/\1/p' | sort -u | one_line)
  [ -z "$holder" ] || add "port $port is taken by $holder: Traefik needs it; stop that, or give it another port"
done

groups=$(sshd -T 2>/dev/null | sed -n 's/^allowgroups //p' | one_line)
if [ -n "$groups" ] && ! id -nG deploy 2>/dev/null | tr ' ' '\n' | grep -qxE "$(echo "$groups" | sed 's/, /|/g')"; then
  add "sshd lets the groups $groups in only (AllowGroups): make a user deploy who is in one of them"
fi

# --- what is in use ------------------------------------------------------------------------------------------------

file=$ROOT/etc/docker/daemon.json
if [ -s "$file" ]; then
  keys=$(grep -oE '"[a-z-]+" *:' "$file" | tr -d '": ' | one_line)
  in_use "Docker is configured in /etc/docker/daemon.json ($keys), which would be replaced and Docker restarted"
fi

if has docker; then
  containers=$(docker ps --format '{{.Names}}' 2>/dev/null | one_line)
  [ -z "$containers" ] || in_use "containers run ($containers), which a restart of Docker would stop for a while"
fi

# keys FILE...: the public keys in them, one a line; of a line that has none, the line.
keys() { cat "$@" 2>/dev/null | awk '/^[^#]/ { key = $0; for (i = 1; i <= NF; i++) if ($i ~ /^AAAA/) key = $i; print key }'; }
# others FILE: whether it lets somebody in who has no key of root's, nor of whoever is logged in now. cloud-init gives the
# owner's key to a user of the image's, too.
others() { keys "$1" | grep -qvxF "$owners"; }

# Who may log in, by a key or a password, beside root and whoever is logged in now.
logins=''
home=$(sed -n "s/^${SUDO_USER:-root}:\([^:]*:\)\{4\}\([^:]*\):.*/\2/p" "$ROOT/etc/passwd")
owners=$(keys "$ROOT/root/.ssh/authorized_keys" "$ROOT$home/.ssh/authorized_keys")
while IFS=: read -r name _ uid _ _ home shell; do
  if [ "$uid" -lt 1000 ] || [ "$uid" -ge 60000 ] || [ "$name" = "${SUDO_USER:-}" ]; then continue; fi
  case $shell in */nologin | */false | '') continue ;; esac
  password=$(sed -n "s/^$name:\([^:]*\):.*/\1/p" "$ROOT/etc/shadow" 2>/dev/null)
  case $password in '' | '!'* | '*'*) others "$ROOT$home/.ssh/authorized_keys" || continue ;; esac
  logins="$logins$name
"
done <"$ROOT/etc/passwd"
[ -z "$logins" ] || in_use "others log in ($(printf %s "$logins" | one_line)), whom sshd would refuse"

if has ufw && ufw status 2>/dev/null | grep -q '^Status: active'; then
  limit=$(ufw status 2>/dev/null | grep -c LIMIT || true)
  in_use "ufw filters: it must let 80 and 443 in, and ssh without LIMIT (it has $limit), which takes a deploy for an attack"
fi
! active firewalld || in_use "firewalld filters: it must let ssh, 80 and 443 in, and Docker's networks through"
if active nftables && nft list ruleset 2>/dev/null | grep -qE 'hook (input|forward) .*policy drop'; then
  in_use "nftables drops what it has no rule for: it must let ssh, 80 and 443 in, and Docker's networks through"
fi
! active fail2ban ||
  in_use "fail2ban watches: put the address that you deploy from into its ignoreip, or a deploy is taken for an attack"

[ -n "$found" ] || exit 0
{
  echo "ERROR: nothing was changed yet, and on this server:$found"
  [ "$shared" = yes ] ||
    echo "Clear these away, take a server of its own, or set host.shared: true: Docker's configuration, logins, swap, time zone and reboots stay the owner's then."
} >&2
exit 1
