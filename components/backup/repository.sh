#!/usr/bin/env bash
#
# How pgBackRest is asked, and what is asked of it: backups of the whole cluster CLUSTER, or of the one in PGDATA, and the log
# that they are replayed on. To be sourced, after postgres.sh.
#
# Where to is in pgBackRest's own variables, which pgbackrest.sh completes.

tool() { bash "$HERE/pgbackrest.sh" "$@" 2>"$WORK/complaints"; }

# must WORDS ARGUMENT...: of pgBackRest, or it fails with the words and the reason.
must() {
  local words=$1
  shift
  tool "$@" || fail "$words: $(told "$WORK/complaints")"
}

# told FILE: what pgBackRest's complaints in it mean, in one line. It repeats what it has said, and shows what it could not read.
# The passphrase opens archive.info and backup.info, in which are the keys to the rest: what cannot be decrypted there is damaged.
told() {
  local said damaged
  said=$(LC_ALL=C tr -cd '[:print:]\n' <"$1" | sed -z 's/:\n  */: /g')
  damaged=$(sed -n -E '/unable to get [0-9A-F]{24}: .*\[(Crypto|Format)Error\] /{
    s/.*unable to get ([0-9A-F]{24}): .*\[(Crypto|Format)Error\] /\1 was cut off or changed in the bucket: /p;q}' <<<"$said")
  [[ -z $damaged ]] || {
    echo "$damaged"
    return
  }
  case $said in
    *'unable to load info file'*'FormatError: '* | *'unable to load info file'*'CryptoError: '*)
      echo "it is encrypted with another passphrase than archive_passphrase"
      ;;
    *'[050]'*) echo "another backup is being made" ;;
    *)
      grep -m 1 -oE '(HostConnectError|ProtocolError|ServiceError|FileMissingError): .*' <<<"$said" ||
        sed -n -E 's/^.*(ERROR|WARN): (\[[0-9]+\]: )?//p' <<<"$said" | grep -m 1 . || first_error - <<<"$said"
      ;;
  esac
}

# segments CLUSTER: the files of the log that are there, by name, oldest first.
segments() {
  must "the log off the machine cannot be listed" repo-ls --recurse "archive/$1" >"$WORK/archived"
  sed -n -E 's|.*/([0-9A-F]{24})-[0-9a-f]{40}(\.[a-z0-9]+)?$|\1|p' "$WORK/archived" | sort -u
}

# info WORDS: of the backups, into WORK/info, as JSON; or it fails with the words and the reason.
info() {
  must "$1" info --output=json >"$WORK/info"
  # It ends with 0 all the same, and shows what it could not read.
  LC_ALL=C sed -n 's/.*"status":{"code":99,"message":"\([^"]*\).*/\1/p' "$WORK/info" | sed 's/\\n/\n/g' >"$WORK/complaints"
  [[ ! -s $WORK/complaints ]] || fail "$1: $(told "$WORK/complaints")"
}

# newest_backup: of CLUSTER, into WORK/newest: its label, the bytes of the files that it is of, and where the log goes on from it;
# ends with 1 where there is none.
newest_backup() {
  info "the backups of $CLUSTER cannot be listed"
  # A backup's fields are in the alphabet's order.
  grep -oE '"size":[0-9]+\},"label":"[^"]+","lsn":\{"start":"[0-9A-F/]+"' "$WORK/info" | tail -n 1 |
    sed -E 's/[^0-9]*([0-9]+)\},"label":"([^"]+)","lsn":\{"start":"([0-9A-F/]+)"/\2 \1 \3/' | grep . >"$WORK/newest"
}
