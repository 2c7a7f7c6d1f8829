#!/usr/bin/env bash
#
# Writes what the machine knows of a stack as text for Prometheus, into files that an exporter reads (its textfile collector): of
# the containers each 15 s, of backups, drills, releases, disks and the system each minute. It runs on the machine as root, so that
# no container needs Docker's socket for that; it asks Docker twice a round, and reads files for the rest.
#
#   host-metrics.sh --stack uat --folder /srv/jira/metrics --data /mnt/data --backups /srv/jira/backups \
#     [--backup dump|copy|archive|masked]... [--drill copies|log=SECONDS]... [--secret-age SECONDS] [--service NAME=NETWORKS]...
#     [--ready NAME=PORT/PATH]...
#
# --backup: the kinds that the stack has. --drill: and how often one of a kind is due. --secret-age: how old one may be. --service:
# what has to run, and on how many networks. --ready: where it says whether it has what it needs; asked of one that runs.
#
# What fails ends it, and systemd starts it again: jira_host_metrics_timestamp_seconds and jira_host_evidence_timestamp_seconds say
# when each of the two files was last written.
set -euo pipefail

ROOT=${ROOT:-} # a folder in place of /, for the tests
INTERVAL_SECONDS=${INTERVAL_SECONDS:-15}
EVIDENCE_ROUNDS=4 # each so many rounds
READY_SECONDS=4
CGROUPS=$ROOT/sys/fs/cgroup

STACK='' FOLDER='' DATA='' BACKUPS='' SECRET_AGE=''
KINDS=() DRILLS=()
declare -A SERVICES=() # how many networks the containers of each are on
declare -A READY=()    # port and path of a service

declare -A SECONDS_OF=() # of a moment in text, which is asked of `date` once
declare -A IMAGE_OF=()   # labels of an image's id

# --- text ----------------------------------------------------------------------------------------------------------

declare -A SAMPLES=()
NAMES=()

# sample NAME VALUE [LABEL=VALUE]...
sample() {
  local name=$1 value=$2 labels='' label
  shift 2
  for label in "$@"; do labels+=",${label%%=*}=\"${label#*=}\""; done
  [[ -v SAMPLES[$name] ]] || NAMES+=("$name")
  SAMPLES[$name]+="$name${labels:+{${labels#,}\}} $value"$'\n'
}

# publish FILE: all samples since the last time, whole or not at all.
publish() {
  local name
  for name in "${NAMES[@]}"; do
    case $name in
      *_total) printf '# TYPE %s counter\n' "$name" ;;
      *) printf '# TYPE %s gauge\n' "$name" ;;
    esac
    printf '%s' "${SAMPLES[$name]}"
  done >"$FOLDER/.$1.new"
  mv "$FOLDER/.$1.new" "$FOLDER/$1.prom"
  SAMPLES=()
  NAMES=()
}

# The functions below answer in ANSWER: another process for each of some hundred answers would cost more than all else.

# field NAME FILE: a number of JSON in one line; empty where it is not there.
field() {
  local line=''
  ANSWER=''
  [[ ! -r $2 ]] || read -r line <"$2" || true
  if [[ $line =~ \"$1\":\ \"?([0-9]+) ]]; then ANSWER=${BASH_REMATCH[1]}; fi
}

# moment TEXT: in Unix seconds.
moment() {
  [[ -v SECONDS_OF[$1] ]] || SECONDS_OF[$1]=$(date -d "$1" +%s)
  ANSWER=${SECONDS_OF[$1]}
}

present() { if [[ -e $1 ]]; then ANSWER=1; else ANSWER=0; fi; }

# content FILE: its first line; empty where there is none.
content() {
  ANSWER=''
  [[ ! -r $1 ]] || read -r ANSWER <"$1" || true
}

# line_of KEY FILE: what follows KEY in the line that it begins.
line_of() {
  local key rest
  ANSWER=''
  [[ -r $2 ]] || return 0
  while read -r key rest; do
    if [[ $key == "$1" ]]; then
      ANSWER=$rest
      return 0
    fi
  done <"$2"
}

# --- containers ----------------------------------------------------------------------------------------------------

FORMAT='{{.Id}} {{.Name}} {{index .Config.Labels "jira-plus-plus.service"}} {{.State.Running}} {{with .State.Health}}{{.Status}}{{else}}none{{end}} {{.RestartCount}} {{.State.StartedAt}} {{.State.Pid}} {{.HostConfig.Memory}} {{len .NetworkSettings.Networks}} {{.Image}}{{range .NetworkSettings.Networks}} {{.IPAddress}}{{end}}'

# image_of ID: the labels `image` and `digest`; what no registry had has its id for a digest.
image_of() {
  local found reference
  if [[ ! -v IMAGE_OF[$1] ]]; then
    found=$(docker image inspect --format '{{range .RepoDigests}}{{.}} {{end}}' "$1" 2>/dev/null) || found=''
    reference=${found%% *}
    if [[ $reference == *@* ]]; then IMAGE_OF[$1]="image=${reference%@*} digest=${reference#*@}"; else IMAGE_OF[$1]="image=none digest=$1"; fi
  fi
  ANSWER=${IMAGE_OF[$1]}
}

# usage PID LABEL...: of the control group of that process; nothing where it has ended meanwhile.
usage() {
  local file=$ROOT/proc/$1/cgroup hierarchy controllers path memory='' cpu='' pids='' used inactive seconds
  shift
  [[ -r $file ]] || return 0
  while IFS=: read -r hierarchy controllers path; do
    if [[ -e $CGROUPS/cgroup.controllers ]]; then
      [[ $hierarchy != 0 ]] || memory=$CGROUPS$path cpu=$CGROUPS$path pids=$CGROUPS$path
    else
      case ,$controllers, in
        *,memory,*) memory=$CGROUPS/memory$path ;;
        *,cpuacct,*) cpu=$CGROUPS/cpuacct$path ;;
        *,pids,*) pids=$CGROUPS/pids$path ;;
      esac
    fi
  done 2>/dev/null <"$file" || return 0

  if [[ -e $memory/memory.current ]]; then
    content "$memory/memory.current" && used=$ANSWER
    line_of inactive_file "$memory/memory.stat" && inactive=$ANSWER
  else
    content "$memory/memory.usage_in_bytes" && used=$ANSWER
    line_of total_inactive_file "$memory/memory.stat" && inactive=$ANSWER
  fi
  # What the kernel can take back at any time is not what counts against the limit.
  if [[ -n $used ]]; then sample jira_container_memory_bytes $((used - ${inactive:-0} > 0 ? used - ${inactive:-0} : 0)) "$@"; fi

  if [[ -e $cpu/cpu.stat ]] && line_of usage_usec "$cpu/cpu.stat" && [[ -n $ANSWER ]]; then
    printf -v seconds '%d.%06d' $((ANSWER / 1000000)) $((ANSWER % 1000000))
    sample jira_container_cpu_seconds_total "$seconds" "$@"
  elif content "$cpu/cpuacct.usage" && [[ -n $ANSWER ]]; then
    printf -v seconds '%d.%09d' $((ANSWER / 1000000000)) $((ANSWER % 1000000000))
    sample jira_container_cpu_seconds_total "$seconds" "$@"
  fi
  content "$pids/pids.current"
  if [[ -n $ANSWER ]]; then sample jira_container_pids "$ANSWER" "$@"; fi
}

# ready ADDRESS PORT/PATH: whether 200 is answered. The check of a container that has once been ready asks for no more than that
# it lives, so that a database that is away restarts nobody; whether users can be served is this.
ready() {
  local line='' port=${2%%/*} path=/${2#*/}
  [[ -n $1 ]] || return 1
  # shellcheck disable=SC2016 # its own
  line=$(timeout "$READY_SECONDS" bash -c \
    'exec 3<>"/dev/tcp/$1/$2" && printf "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n" "$3" "$1" >&3 && head -n 1 <&3' _ "$1" "$port" "$path" \
    2>/dev/null) || return 1
  [[ $line =~ ^HTTP/[0-9.]+\ 200 ]]
}

containers() {
  local ids inspected='' id name service running health restarts started pid limit networks image address what label now
  declare -A runs=() well=() ready=() killed=() ended=()
  ids=$(docker ps --all --quiet --no-trunc --filter "label=jira-plus-plus.stack=$STACK" --filter label=jira-plus-plus.service)
  if [[ -n $ids ]]; then
    # A container that goes meanwhile is an error of inspect's, which has told the others.
    # shellcheck disable=SC2086 # one word each
    inspected=$(docker inspect --format "$FORMAT" $ids 2>/dev/null) || true
  fi
  while read -r id name service running health restarts started pid limit networks image address; do
    [[ -n $id ]] || continue
    label=("service=$service" "container=${name#/}" "id=${id:0:12}")
    if [[ $running == true ]]; then
      runs[$service]=1
      sample jira_container_running 1 "${label[@]}"
    else
      sample jira_container_running 0 "${label[@]}"
    fi
    # One without a check is well while it runs.
    if [[ $running == true && $health =~ ^(healthy|none)$ ]]; then
      # Its check asks within it, and does not see that it was taken off a network.
      ((networks < ${SERVICES[$service]:-0})) || well[$service]=1
      sample jira_container_healthy 1 "${label[@]}"
    else
      sample jira_container_healthy 0 "${label[@]}"
    fi
    sample jira_container_networks "$networks" "${label[@]}"
    sample jira_container_restarts_total "$restarts" "${label[@]}"
    sample jira_container_memory_limit_bytes "$limit" "${label[@]}"
    moment "$started"
    # One that was made and never started has a moment before all time.
    ((ANSWER <= 0)) || sample jira_container_start_time_seconds "$ANSWER" "${label[@]}"
    image_of "$image"
    # shellcheck disable=SC2086 # two words
    sample jira_container_info 1 "${label[@]}" $ANSWER
    [[ $running != true ]] || usage "$pid" "${label[@]}"
    if [[ $running == true && -v READY[$service] ]] && ready "${address%% *}" "${READY[$service]}"; then ready[$service]=1; fi
  done <<<"$inspected"

  if [[ -r $ROOT/run/jira-plus-plus/ends ]]; then # of `jira-plus-plus-revive`, since the machine's start
    while read -r what service; do
      case $what in
        oom) killed[$service]=$((${killed[$service]:-0} + 1)) ;;
        die) ended[$service]=$((${ended[$service]:-0} + 1)) ;;
      esac
    done <"$ROOT/run/jira-plus-plus/ends"
  fi
  for service in "${!SERVICES[@]}"; do
    sample jira_service_running "${runs[$service]:-0}" "service=$service"
    sample jira_service_healthy "${well[$service]:-0}" "service=$service"
    sample jira_container_oom_kills_total "${killed[$service]:-0}" "service=$service"
    sample jira_container_deaths_total "${ended[$service]:-0}" "service=$service"
    [[ ! -v READY[$service] ]] || sample jira_service_ready "${ready[$service]:-0}" "service=$service"
  done
  printf -v now '%(%s)T' -1
  sample jira_host_metrics_timestamp_seconds "$now"
  publish containers
}

# --- evidence ------------------------------------------------------------------------------------------------------

# of_name FILE: the moment of the dump that a copy is of, which its name begins with.
of_name() {
  local line=''
  ANSWER=''
  [[ ! -r $1 ]] || read -r line <"$1" || true
  if [[ $line =~ \"name\":\ \"(.{10})T(..)(..)(..)Z ]]; then
    moment "${BASH_REMATCH[1]} ${BASH_REMATCH[2]}:${BASH_REMATCH[3]}:${BASH_REMATCH[4]} UTC"
  fi
}

backups() {
  local kind failure
  for kind in "${KINDS[@]}"; do
    case $kind in
      dump) field finished "$BACKUPS/status.json" && failure=failure.json ;;
      copy) of_name "$BACKUPS/offsite.json" && failure=offsite-failure.json ;;
      masked) of_name "$BACKUPS/masked.json" && failure=masked-failure.json ;;
      archive) field finished "$BACKUPS/archive.json" && failure=archive-failure.json ;;
    esac
    sample jira_backup_finished_timestamp_seconds "${ANSWER:-0}" "kind=$kind"
    present "$BACKUPS/$failure"
    sample jira_backup_failed "$ANSWER" "kind=$kind"
    case $kind in
      copy)
        present "$BACKUPS/offsite-damaged"
        sample jira_backup_copies_damaged "$ANSWER"
        ;;
      archive) log ;;
    esac
  done
}

# log: of the database, where it is archived.
log() {
  local oldest now points=0 last='' name at rest
  present "$BACKUPS/archive-gap"
  sample jira_wal_archive_gap "$ANSWER"
  printf -v now '%(%s)T' -1
  oldest=$(find "$DATA/postgres/pg_wal/archive_status" -name '*.ready' -printf '%T@\n' 2>/dev/null | sort -n | head -n 1) || true
  oldest=${oldest%.*}
  sample jira_wal_archive_waiting_seconds $((oldest ? now - oldest : 0))
  if [[ -r $BACKUPS/points ]]; then
    while read -r name at rest; do
      [[ -z $at ]] || points=$((points + 1)) last=$at
    done <"$BACKUPS/points"
  fi
  sample jira_restore_points "$points"
  sample jira_restore_point_timestamp_seconds "${last:-0}"
}

drills() {
  local each kind file name
  for each in "${DRILLS[@]}"; do
    kind=${each%%=*} file=$BACKUPS/drill-${each%%=*}.json
    sample jira_drill_interval_seconds "${each#*=}" "kind=$kind"
    for name in finished good; do
      field "$name" "$file"
      sample "jira_drill_${name}_timestamp_seconds" "${ANSWER:-0}" "kind=$kind"
    done
    # None was made yet: that is told by its moment.
    if grep -qs '"ok": false' "$file"; then sample jira_drill_good 0 "kind=$kind"; else sample jira_drill_good 1 "kind=$kind"; fi
    for name in rto rpo; do
      field "${name}_seconds" "$file"
      [[ -z $ANSWER ]] || sample "jira_drill_${name}_seconds" "$ANSWER" "kind=$kind"
    done
  done
}

releases() {
  local good=0 begun=0
  content "$DATA/releases"
  if [[ $ANSWER =~ \"when\":\ \"([^\"]+)\" ]]; then moment "${BASH_REMATCH[1]}" && good=$ANSWER; fi
  content "$DATA/releases.begun"
  if [[ -n $ANSWER ]]; then moment "$ANSWER" && begun=$ANSWER; fi
  sample jira_release_good_timestamp_seconds "$good"
  sample jira_release_begun_timestamp_seconds "$begun"
}

# secrets: since when each is the one that it is (rotated.sh), and for how long it may be.
secrets() {
  local name since
  [[ -z $SECRET_AGE ]] || sample jira_secret_maximum_age_seconds "$SECRET_AGE"
  [[ -r $DATA/rotated ]] || return 0
  while read -r name _ since; do
    [[ -n $since ]] || continue
    moment "$since"
    sample jira_secret_changed_timestamp_seconds "$ANSWER" "secret=$name"
  done <"$DATA/rotated"
}

disks() {
  local name size available files free
  while read -r name size available files free; do
    sample jira_disk_size_bytes "$size" "disk=$name"
    sample jira_disk_available_bytes "$available" "disk=$name"
    sample jira_disk_files "$files" "disk=$name"
    sample jira_disk_files_free "$free" "disk=$name"
  done < <(df --block-size=1 --output=size,avail,itotal,iavail "$ROOT/" "$DATA" | awk 'NR > 1 {print (NR == 2 ? "root" : "data"), $0}')
}

system() {
  local device received transmitted rest units=0 unit failed booted
  while IFS=': ' read -r device received rest; do
    [[ $received =~ ^[0-9]+$ && ! $device =~ ^(lo$|veth|br-|docker) ]] || continue
    # shellcheck disable=SC2086 # a word each
    set -- $rest
    transmitted=$8
    sample jira_host_network_receive_bytes_total "$received" "device=$device"
    sample jira_host_network_transmit_bytes_total "$transmitted" "device=$device"
  done <"$ROOT/proc/net/dev"
  failed=$(systemctl list-units --failed --no-legend --plain --no-pager)
  while read -r unit rest; do
    [[ -n $unit ]] || continue
    units=$((units + 1))
    sample jira_host_unit_failed 1 "unit=${unit//[\"\\]/_}"
  done <<<"$failed"
  sample jira_host_failed_units "$units"
  # Not the kernel's: a machine that is a container has another's.
  booted=$(systemctl show --value --property=UserspaceTimestamp)
  if [[ -n $booted ]]; then
    moment "$booted"
    sample jira_host_boot_timestamp_seconds "$ANSWER"
  fi
  present "$ROOT/run/reboot-required"
  sample jira_host_reboot_required "$ANSWER"
  if [[ -d $ROOT/run/systemd/timesync ]]; then
    present "$ROOT/run/systemd/timesync/synchronized"
    sample jira_host_clock_synchronized "$ANSWER"
  elif command -v chronyc >/dev/null; then
    if chronyc -n tracking 2>/dev/null | grep -q '^Leap status *: Normal'; then ANSWER=1; else ANSWER=0; fi
    sample jira_host_clock_synchronized "$ANSWER"
  fi
}

evidence() {
  local now
  backups
  drills
  releases
  secrets
  disks
  system
  printf -v now '%(%s)T' -1
  sample jira_host_evidence_timestamp_seconds "$now"
  publish evidence
}

# -------------------------------------------------------------------------------------------------------------------

main() {
  local round=0
  while (($#)); do
    case $1 in
      --stack) STACK=$2 ;;
      --folder) FOLDER=$2 ;;
      --data) DATA=$2 ;;
      --backups) BACKUPS=$2 ;;
      --backup) KINDS+=("$2") ;;
      --drill) DRILLS+=("$2") ;;
      --secret-age) SECRET_AGE=$2 ;;
      --service) SERVICES[${2%%=*}]=${2#*=} ;;
      --ready) READY[${2%%=*}]=${2#*=} ;;
      *)
        echo "ERROR: unknown argument: $1" >&2
        exit 2
        ;;
    esac
    shift 2
  done
  [[ -n $STACK && -d $FOLDER && -n $DATA && -n $BACKUPS ]] || {
    echo "ERROR: --stack, --folder (which must be there), --data and --backups are needed" >&2
    exit 2
  }
  while :; do
    containers
    ((round % EVIDENCE_ROUNDS)) || evidence
    round=$((round + 1))
    sleep "$INTERVAL_SECONDS"
  done
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi
