#!/bin/sh
#
# Puts a script on the machine that runs for good, as a unit of systemd.
#
#   sh -s -- SCRIPT UNIT ABOUT FOLDER ARGUMENT... <unpacked.sh, this file, and: install_unit <<'SCRIPT' ... SCRIPT>
#
# ABOUT is what systemd calls the unit. FOLDER is where it writes; what is in it is nobody's secret.
set -eu

script=$1
unit=$2
about=$3
folder=$4
shift 4
arguments=$* # one word each

install_unit() {
  mkdir -p "$(dirname "$script")" "$folder"
  chmod 0755 "$folder"
  unpacked >"$script.new"
  chmod 0755 "$script.new"
  mv "$script.new" "$script"
  cat >"/etc/systemd/system/$unit" <<UNIT
[Unit]
Description=$about
After=docker.service
StartLimitIntervalSec=0

[Service]
ExecStart=$script --folder $folder $arguments
Restart=always
RestartSec=5
Nice=5

[Install]
WantedBy=multi-user.target
UNIT
  systemctl daemon-reload
  systemctl enable --quiet "$unit"
  systemctl restart "$unit"
}
