# shellcheck shell=sh

# unpacked: what stdin has as pack() of packed.py made it. Python is on each server (host/bootstrap.sh), bunzip2 is not.
unpacked() {
  python3 -I -c '
import base64, bz2, sys
sys.stdout.buffer.write(bz2.decompress(base64.b64decode(sys.stdin.buffer.read())))'
}

# extract FOLDER: the files of such a tar, into it.
extract() {
  # Not in a pipe: sh knows how its last command ends, and for tar nothing is an archive.
  unpacked >"$1/.tar"
  tar -x -f "$1/.tar" -C "$1"
  rm "$1/.tar"
}
