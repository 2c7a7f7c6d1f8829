#!/bin/sh
# Writes a minimal Debian as a tar archive: bootstrap.sh <release> <work folder> <archive> <folder that keeps packages>
set -eu

suite=$1
work=$2
archive=$3
kept=$4
root=$work/root

debootstrap --cache-dir="$kept" --variant=minbase --include=ca-certificates "$suite" "$root"

# Packages come from where this machine gets its own: a nearer mirror, and the security updates. A release's name is in
# those of its suites. Another distribution's sources would not fit; then debootstrap's own stay.
if grep -qsx 'ID=debian' /etc/os-release; then
  own=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
  for sources in etc/apt/sources.list etc/apt/sources.list.d/debian.sources; do
    if grep -qsw "${own:-none}" "/$sources"; then
      rm -f "$root/etc/apt/sources.list"
      sed "s/\b$own\b/$suite/g" "/$sources" > "$root/$sources"
    fi
  done
fi

# What no container reads; the official slim images leave it out too.
cat > "$root/etc/dpkg/dpkg.cfg.d/slim" <<'SLIM'
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/man/*
path-exclude /usr/share/info/*
path-exclude /usr/share/lintian/*
SLIM
rm -rf "$root"/usr/share/man "$root"/usr/share/info "$root"/usr/share/lintian "$root"/var/cache/apt
find "$root/usr/share/doc" -type f ! -name copyright -delete
find "$root/usr/share/locale" -mindepth 1 -maxdepth 1 ! -name locale.alias -exec rm -rf {} +
find "$root/var/lib/apt/lists" -type f -delete

cat > "$root/etc/apt/apt.conf.d/slim" <<'SLIM'
# Packages and indexes are read once, and would lie in every layer.
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Acquire::Languages "none";
SLIM

tar --numeric-owner -C "$root" -cf "$archive" .
