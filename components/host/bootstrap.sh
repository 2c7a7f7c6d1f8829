#!/usr/bin/env bash
#
# Prepares a Debian server for Jira++: Docker, swap, time, log limits, ssh, unattended upgrades.
# cloud-init runs it at a new server's first boot; `pulumi up` runs it again over ssh whenever it or its arguments
# change, and for a server that existed before. It may run any number of times: what is right already stays untouched.
#
#   bootstrap.sh --swap-mb 2048 [--backup-at 02:00] [--existing] [--shared] [--ssh-user deploy]... [--authorized-key 'ssh-ed25519 ...']... [--wait-for-cloud-init]
#
# --existing: the server was there before, and swap that is there is its owner's. --shared: it is in use by others, too;
# Docker's configuration, logins, time zone, logs, kernel settings and upgrades stay theirs, and Docker is not restarted.
#
# A step that the kernel of a container refuses (swap, sysctl) is a warning there and a failure on a real machine.
set -euo pipefail

ROOT=${ROOT:-} # a folder in place of /, for the tests of the files that are written
DEPLOY_USER=deploy
METADATA_ADDRESS=169.254.169.254/32
REVIVE=/usr/local/lib/jira-plus-plus/revive.sh
REVIVE_UNIT=jira-plus-plus-revive.service
EXISTING=${EXISTING:-no} SHARED=${SHARED:-no}
SWAP_IS_OURS=/usr/local/lib/jira-plus-plus/swap-is-ours
APT_LOCK_SECONDS=${APT_LOCK_SECONDS:-600} # daily upgrades may take that long
PACKAGES=(apparmor ca-certificates e2fsprogs iptables python3 tzdata)

say() { printf '%s\n' "$*"; }
warn() { printf 'WARNING: %s\n' "$*" >&2; }
fail() {
  printf 'ERROR: %s\n' "$*" >&2
  exit 1
}

in_container() { systemd-detect-virt --container --quiet; }

REFUSALS='not permitted|permission denied|read-only file system|no such file|not supported|invalid argument'

# kernel WHAT COMMAND...: runs a command that asks something of the kernel; returns 1 where a container's refuses.
kernel() {
  local what=$1 output
  shift
  if output=$("$@" 2>&1); then return 0; fi
  if in_container && grep -qiE "$REFUSALS" <<<"$output"; then
    warn "$what: refused by the kernel of this container: $output"
    return 1
  fi
  fail "$what: $output"
}

# put MODE PATH: writes stdin to PATH, whole or not at all, and only when content or mode differ.
put() {
  local mode=$1 path=$ROOT$2 new
  mkdir -p "$(dirname "$path")"
  new=$(mktemp "$path.XXXXXX")
  cat >"$new"
  chmod "$mode" "$new"
  if cmp -s "$new" "$path" && [[ $(stat -c %a "$path") == $(stat -c %a "$new") ]]; then
    rm "$new"
  else
    mv "$new" "$path"
    say "wrote $2"
  fi
}

# restart_if_older SERVICE FILE...: a service that started before its configuration was written does not use it yet.
# Compared by time, not by "did this run write it", so that a run that was cut short is made good by the next.
restart_if_older() {
  local service=$1 started file
  shift
  systemctl is-active --quiet "$service" || {
    systemctl start "$service"
    return
  }
  # In nanoseconds: a service is often started within the second in which its configuration was written.
  started=$(date -d "$(systemctl show --timestamp=us --property ActiveEnterTimestamp --value "$service")" +%s%N)
  for file in "$@"; do
    if (($(stat -c %.Y "$file" | tr -d .) >= started)); then
      say "restarting $service: $file is newer"
      systemctl restart "$service"
      return
    fi
  done
}

wait_for_cloud_init() {
  local code=0
  command -v cloud-init >/dev/null || return 0
  cloud-init status --wait >/dev/null || code=$?
  # 0 done; 2 done with recoverable errors (since 23.4). After 1 this run does, or names, what is missing.
  ((code == 0)) ||
    warn "cloud-init ended with code $code: $(cloud-init status --long 2>&1 | tr '\n' ' ');" \
      "see /var/log/cloud-init-output.log"
}

# --- files ---------------------------------------------------------------------------------------------------------

write_docker() {
  # userland-proxy stays on: it is what carries IPv6 from the published ports to containers that have IPv4 only.
  # live-restore stays off: with it a shutdown does not stop containers, and Postgres would be cut off.
  if [[ $SHARED == yes && -s $ROOT/etc/docker/daemon.json ]]; then
    warn "/etc/docker/daemon.json stays as its owner has it"
  else
    write_daemon_json
  fi
  # The metadata address serves user_data, and with it the server's host key, to whoever asks.
  # Before each start of Docker, which keeps the rules that it finds in DOCKER-USER.
  put 0644 /etc/systemd/system/docker.service.d/metadata.conf <<UNIT
[Service]
ExecStartPre=-/usr/sbin/iptables --wait --new-chain DOCKER-USER
ExecStartPre=-/usr/sbin/iptables --wait --delete DOCKER-USER --destination $METADATA_ADDRESS --jump DROP
ExecStartPre=/usr/sbin/iptables --wait --insert DOCKER-USER 1 --destination $METADATA_ADDRESS --jump DROP
UNIT
}

write_daemon_json() {
  put 0644 /etc/docker/daemon.json <<'JSON'
{
  "default-address-pools": [{"base": "172.30.0.0/16", "size": 24}],
  "icc": false,
  "live-restore": false,
  "log-driver": "local",
  "log-opts": {"max-file": "3", "max-size": "10m"},
  "no-new-privileges": true,
  "shutdown-timeout": 60,
  "userland-proxy": true
}
JSON
}

# revive_one ID TIME: starts the container that died at that time (Unix seconds), unless it was asked to.
revive_one() {
  local id=$1 died=$2 asked state
  sleep 2 # a stop or a removal says so right after the death
  state=$(docker inspect --format '{{.State.Status}} {{.HostConfig.RestartPolicy.Name}}' "$id" 2>/dev/null) || return 0
  [[ $state == 'exited unless-stopped' ]] || return 0
  asked=$(docker events --since "$died" --until "$(date +%s)" --filter "container=$id" --filter event=stop)
  [[ -z $asked ]] || return 0
  docker start "$id" >/dev/null
  docker inspect --format '{{.Name}} was killed: started again' "$id"
}

# The service below. Docker takes `docker kill` for its operator's wish and leaves the container dead; here it is a
# crash like any other. What `docker stop` stopped stays so. Each end and kill for want of memory is noted, for
# components/monitoring/host-metrics.sh.
revive() {
  local id died what service
  mkdir -p "${ROOT:-}/run/jira-plus-plus"
  docker events --filter label=jira-plus-plus.service --filter event=die --filter event=oom \
    --format '{{.Actor.ID}} {{.Time}} {{.Action}} {{index .Actor.Attributes "jira-plus-plus.service"}}' |
    while read -r id died what service; do
      echo "$what $service" >>"${ROOT:-}/run/jira-plus-plus/ends"
      [[ $what != die ]] || revive_one "$id" "$died" &
    done
}

# revive_stopped: a daemon that was killed leaves containers running, and the next one stops them, as if it had been asked to, and
# never starts them again. Nobody could ask it anything before it was ready: what ended until then is started.
# https://github.com/moby/moby/blob/v26.1.5/daemon/kill.go (killWithSignal: HasBeenManuallyStopped)
revive_stopped() {
  local id state began ready ended
  began=$(date -d "$(systemctl show --property ExecMainStartTimestamp --value docker)" +%s)
  ready=$(date -d "$(systemctl show --property ActiveEnterTimestamp --value docker)" +%s)
  docker ps --all --quiet --filter label=jira-plus-plus.service --filter status=exited | while read -r id; do
    state=$(docker inspect --format '{{.State.FinishedAt}} {{.HostConfig.RestartPolicy.Name}}' "$id" 2>/dev/null) || continue
    [[ ${state#* } == unless-stopped ]] || continue
    ended=$(date -d "${state% *}" +%s)
    ((ended >= began && ended <= ready)) || continue
    docker start "$id" >/dev/null || continue
    docker inspect --format '{{.Name}} was stopped by a daemon that began: started again' "$id"
  done
}

write_revive() {
  {
    printf '#!/usr/bin/env bash\n# Starts the containers that were killed; written by bootstrap.sh.\nset -euo pipefail\n'
    declare -f revive_one revive_stopped revive
    printf 'revive_stopped &\nrevive\n'
  } | put 0755 "$REVIVE"
  put 0644 "/etc/systemd/system/$REVIVE_UNIT" <<UNIT
[Unit]
Description=Starts the containers of Jira++ that were killed
After=docker.service
PartOf=docker.service
StartLimitIntervalSec=0

[Service]
ExecStart=$REVIVE
Restart=always
RestartSec=1

[Install]
WantedBy=docker.service
UNIT
}

# The journal keeps what the containers say, those that are gone, too. To its limit of rate they all are one, Docker: so there
# is none. What is too much goes as the oldest, once the journal has its size, and is counted (components/monitoring/ship_logs.py).
write_journal() {
  put 0644 /etc/systemd/journald.conf.d/jira-plus-plus.conf <<'CONF'
[Journal]
Storage=persistent
SystemMaxUse=2G
MaxRetentionSec=1month
RateLimitIntervalSec=0
RateLimitBurst=0
CONF
}

write_sysctl() {
  put 0644 /etc/sysctl.d/90-jira-plus-plus.conf <<'CONF'
kernel.dmesg_restrict = 1
kernel.panic = 10
net.ipv4.conf.all.accept_redirects = 0
net.ipv4.conf.all.send_redirects = 0
vm.swappiness = 10
CONF
}

# later TIME MINUTES: the time of day so long after TIME (HH:MM).
later() {
  local minutes=$((10#${1%:*} * 60 + 10#${1#*:} + $2))
  printf '%02d:%02d\n' $((minutes / 60 % 24)) $((minutes % 60))
}

# write_upgrades BACKUP_AT: upgrades, which restart Docker when it is its turn, and the reboot that a kernel asks for come
# after the nightly backup. Debian's own time is 6 to 7 in the morning, and any after a boot that came later.
write_upgrades() {
  put 0644 /etc/systemd/system/apt-daily-upgrade.timer.d/jira-plus-plus.conf <<UNIT
[Timer]
OnCalendar=
OnCalendar=*-*-* $(later "$1" 90):00 UTC
RandomizedDelaySec=15m
Persistent=false
UNIT
  # Docker may have been stopped with it, and nobody else would start it again.
  put 0644 /etc/systemd/system/containerd.service.d/jira-plus-plus.conf <<'UNIT'
[Unit]
Wants=docker.service
UNIT
  put 0644 /etc/apt/apt.conf.d/52jira-plus-plus <<CONF
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
APT::Periodic::AutocleanInterval "7";
Unattended-Upgrade::Automatic-Reboot "true";
Unattended-Upgrade::Automatic-Reboot-WithUsers "true";
Unattended-Upgrade::Automatic-Reboot-Time "$(later "$1" 150)";
Unattended-Upgrade::Remove-Unused-Dependencies "true";
CONF
}

write_time() {
  put 0644 /etc/timezone <<<Etc/UTC
  [[ $(readlink "$ROOT/etc/localtime") == /usr/share/zoneinfo/Etc/UTC ]] ||
    ln -sfn /usr/share/zoneinfo/Etc/UTC "$ROOT/etc/localtime"
}

# names_users: whether the owner's configuration lets named users in only.
names_users() {
  local file
  for file in "$ROOT"/etc/ssh/sshd_config "$ROOT"/etc/ssh/sshd_config.d/*.conf; do
    [[ $file == */10-jira-plus-plus.conf ]] || ! grep -qsiE '^[[:space:]]*AllowUsers[[:space:]]' "$file" || return 0
  done
  return 1
}

# write_ssh USER...: who may log in. The name sorts before cloud-init's 50-cloud-init.conf: sshd takes the first value.
# Docker over ssh opens a connection for each request: sshd's default of MaxStartups drops them at random.
write_ssh() {
  local root_login=no
  if [[ $SHARED == yes ]]; then
    # Whoever logs in beside us does so as before. A list of users is joined; without one there is none to be made.
    {
      ! names_users || say "AllowUsers $DEPLOY_USER"
      cat <<CONF
MaxStartups 100:30:200
Match User $DEPLOY_USER
  PasswordAuthentication no
  KbdInteractiveAuthentication no
  AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/authorized_keys.d/%u
  AllowAgentForwarding no
  AllowStreamLocalForwarding yes
  AllowTcpForwarding local
  X11Forwarding no
  MaxSessions 100
CONF
    } | put 0644 /etc/ssh/sshd_config.d/10-jira-plus-plus.conf
    return
  fi
  [[ " $* " == *" root "* ]] && root_login=prohibit-password
  put 0644 /etc/ssh/sshd_config.d/10-jira-plus-plus.conf <<CONF
PermitRootLogin $root_login
PasswordAuthentication no
KbdInteractiveAuthentication no
AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/authorized_keys.d/%u
AllowUsers $*
AllowAgentForwarding no
AllowStreamLocalForwarding yes
AllowTcpForwarding local
X11Forwarding no
MaxStartups 100:30:200
MaxSessions 100
CONF
}

# write_authorized_keys KEY...: the operators' keys, whole: a key that left the settings leaves the server.
write_authorized_keys() {
  { (($# == 0)) || printf '%s\n' "$@"; } | put 0644 "/etc/ssh/authorized_keys.d/$DEPLOY_USER"
}

# --- the machine ---------------------------------------------------------------------------------------------------

# release: prints which Debian this is, as a number; fails where it is none that the program is tested on.
release() {
  local ID='' VERSION_ID='' PRETTY_NAME=''
  # shellcheck source=/dev/null
  . "$ROOT/etc/os-release"
  [[ $ID == debian && $VERSION_ID =~ ^1[23]$ ]] ||
    fail "needs Debian 12 or 13, and this is ${PRETTY_NAME:-something else}: install Debian 13, and deploy again"
  echo "$VERSION_ID"
}

installed() { [[ $(dpkg-query --show --showformat '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# install_packages RELEASE
install_packages() {
  local wanted=("${PACKAGES[@]}") missing=() package
  [[ $SHARED == yes ]] || wanted+=(unattended-upgrades)
  # A server from elsewhere may have Docker's own packages, or another clock: Debian's would push them off.
  command -v dockerd >/dev/null || wanted+=(docker.io)
  # Since 13 Docker's client is a package of its own.
  (($1 < 13)) || command -v docker >/dev/null || wanted+=(docker-cli)
  installed chrony || installed ntpsec || wanted+=(systemd-timesyncd)
  for package in "${wanted[@]}"; do
    installed "$package" || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  say "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt update
  apt install --no-install-recommends "${missing[@]}"
}

# A screenful for each package helps no one, unless something went wrong. Whoever holds one of apt's locks is waited for
# here: apt's own DPkg::Lock::Timeout is not for those of the package lists and of the downloads.
apt() {
  local log=/var/log/jira-plus-plus-apt.log end=$((SECONDS + APT_LOCK_SECONDS)) held='' now
  until apt-get --quiet --yes -o Acquire::Retries=5 -o Dpkg::Options::=--force-confold "$@" >"$log" 2>&1; do
    now=$(grep --max-count=1 --only-matching 'Could not get lock.*' "$log") ||
      fail "apt-get $* failed: $(tail -n 20 "$log")"
    ((SECONDS < end)) ||
      fail "apt-get $*: $now, for more than $APT_LOCK_SECONDS s: let it end, or end it, and deploy again"
    [[ $now == "$held" ]] || warn "waiting: $now"
    held=$now
    sleep 1
  done
}

swap_is_on() { grep -qx /swapfile <<<"$(swapon --show=NAME --noheadings)"; }

configure_swap() {
  local bytes=$(($1 * 1024 * 1024))
  if [[ $EXISTING == yes && ! -e $SWAP_IS_OURS ]] && [[ -e /swapfile || -n $(swapon --show=NAME --noheadings) ]]; then
    say "swap stays as the server's owner has it"
    return 0
  fi
  if ((bytes > 0)) && swap_is_on && [[ $(stat -c %s /swapfile) == "$bytes" ]]; then return 0; fi
  # The new one first: there may be no room for it.
  rm -f /swapfile.new
  if ((bytes > 0)); then
    (($(df --output=avail --block-size=1 / | tail -n 1) > bytes + 1024 * 1024 * 1024)) ||
      fail "no room for $1 MiB of swap and 1 GiB beside it on /: lower host.swap_mb, or make room"
    # fallocate's holes are no good for swap on some filesystems.
    (umask 077 && { fallocate --length "$bytes" /swapfile.new 2>/dev/null ||
      dd if=/dev/zero of=/swapfile.new bs=1M count="$1" status=none; })
    mkswap /swapfile.new >/dev/null
  fi
  if swap_is_on; then swapoff /swapfile; fi
  touch /etc/fstab
  sed -i '\|^/swapfile |d' /etc/fstab
  rm -f /swapfile
  ((bytes > 0)) || return 0
  mv /swapfile.new /swapfile
  put 0644 "$SWAP_IS_OURS" </dev/null
  if kernel swap swapon /swapfile; then
    say '/swapfile none swap sw 0 0' >>/etc/fstab
    say "swap of $1 MiB"
  else
    rm -f /swapfile
  fi
}

configure_upgrades() {
  systemctl daemon-reload
  # Whoever has switched it off upgrades by hand.
  systemctl is-active --quiet apt-daily-upgrade.timer || return 0
  restart_if_older apt-daily-upgrade.timer /etc/systemd/system/apt-daily-upgrade.timer.d/jira-plus-plus.conf
}

configure_sysctl() {
  local line
  while read -r line; do
    kernel "sysctl $line" sysctl --quiet --write "${line// /}" || true
  done </etc/sysctl.d/90-jira-plus-plus.conf
}

configure_ssh() {
  local keys effective
  keys=$(getent passwd "$DEPLOY_USER" | cut -d: -f6)/.ssh/authorized_keys
  [[ -s $keys ]] || fail "$keys is empty: to go on would lock everyone out"
  write_ssh "$@"
  mkdir -p /run/sshd
  if ! sshd -t; then
    rm -f /etc/ssh/sshd_config.d/10-jira-plus-plus.conf
    fail "sshd refuses /etc/ssh/sshd_config.d/10-jira-plus-plus.conf (see above); it was removed again"
  fi
  # Not piped into grep -q: it stops reading at the first match, and sshd's broken pipe would count as a failure.
  effective=$(sshd -T -C "user=$DEPLOY_USER,host=localhost,addr=127.0.0.1")
  grep -qx 'passwordauthentication no' <<<"$effective" ||
    fail "/etc/ssh/sshd_config overrules sshd_config.d: put 'Include /etc/ssh/sshd_config.d/*.conf' on its first line"
  restart_if_older ssh /etc/ssh/sshd_config.d/10-jira-plus-plus.conf
}

configure_docker() {
  local attempt
  usermod --append --groups docker "$DEPLOY_USER"
  systemctl daemon-reload
  systemctl enable --quiet docker
  if [[ $SHARED == yes ]] && systemctl is-active --quiet docker; then
    # Not restarted under what others run on it: the rule takes effect now, the rest with its next start.
    iptables --wait --check DOCKER-USER --destination $METADATA_ADDRESS --jump DROP 2>/dev/null ||
      iptables --wait --insert DOCKER-USER 1 --destination $METADATA_ADDRESS --jump DROP
  else
    restart_if_older docker /etc/docker/daemon.json /etc/systemd/system/docker.service.d/metadata.conf
  fi
  for attempt in $(seq 60); do
    if docker info >/dev/null 2>&1; then return 0; fi
    sleep 1
  done
  docker info >/dev/null || fail "Docker did not answer within $attempt s: journalctl -u docker"
}

configure_revive() {
  systemctl enable --quiet "$REVIVE_UNIT"
  restart_if_older "$REVIVE_UNIT" "$REVIVE" "/etc/systemd/system/$REVIVE_UNIT"
}

main() {
  local swap_mb='' backup_at=02:00 wait=no users=() keys=() release
  while (($#)); do
    case $1 in
      --swap-mb) swap_mb=$2 && shift 2 ;;
      --backup-at) backup_at=$2 && shift 2 ;;
      --ssh-user) users+=("$2") && shift 2 ;;
      --authorized-key) keys+=("$2") && shift 2 ;;
      --existing) EXISTING=yes && shift ;;
      --shared) SHARED=yes && shift ;;
      --wait-for-cloud-init) wait=yes && shift ;;
      *) fail "unknown argument: $1" ;;
    esac
  done
  [[ $swap_mb =~ ^[0-9]+$ ]] || fail "--swap-mb must be a number of MiB, is '$swap_mb'"
  [[ $backup_at =~ ^[0-9]{2}:[0-9]{2}$ ]] || fail "--backup-at must be a time of day HH:MM, is '$backup_at'"
  ((EUID == 0)) || fail "must run as root"
  release=$(release)
  [[ -d /run/systemd/system ]] || fail "needs systemd as the first process"
  id "$DEPLOY_USER" >/dev/null 2>&1 || fail "there is no user $DEPLOY_USER"
  ((${#users[@]})) || users=("$DEPLOY_USER")

  [[ $wait == no ]] || wait_for_cloud_init
  write_docker
  write_revive
  if [[ $SHARED == no ]]; then
    write_journal
    write_sysctl
    write_upgrades "$backup_at"
    write_time
  fi
  write_authorized_keys "${keys[@]}"
  install_packages "$release"

  if [[ $SHARED == no ]]; then
    restart_if_older systemd-journald /etc/systemd/journald.conf.d/jira-plus-plus.conf
    configure_upgrades
    configure_sysctl
  fi
  if installed systemd-timesyncd; then systemctl enable --quiet --now systemd-timesyncd; fi
  configure_swap "$swap_mb"
  configure_ssh "${users[@]}"
  configure_docker
  configure_revive
  install --directory --mode 0755 /srv/jira
  install --directory --mode 0711 /srv/jira/files
  [[ -d /srv/jira/backups ]] || install --directory --mode 0700 /srv/jira/backups # its owner is the backup's
  ((release > 12)) || warn "Debian 12 gets security updates until June 2028 (LTS); docs/runbook.md has the way to 13"
  say "prepared: Docker $(docker version --format '{{.Server.Version}}')"
}

# Read from stdin the script is already read whole here; nothing that it starts may read on. Sourced, it only defines.
if [[ ${BASH_SOURCE[0]:-$0} == "$0" ]]; then
  main "$@" </dev/null
  exit
fi
