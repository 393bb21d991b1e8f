#!/bin/sh
# Installs the Go toolchain that e2e/ needs into DIR, when the one on PATH is too old. Any Go from 1.13 on
# will do to fetch it, because a toolchain is published like a module.
#
#   e2e/cluster/install-go.sh DIR     afterwards DIR/bin/go exists, or the go on PATH is good enough
set -eu

VERSION=1.26.8
WANT_MINOR=26

[ $# -eq 1 ] || { echo "usage: $0 DIR" >&2; exit 2; }
dir=$1

# recent GO: is this go at least 1.$WANT_MINOR? GOTOOLCHAIN=local: the one that is there, not one it would fetch.
recent() {
  found=$(GOTOOLCHAIN=local "$1" version 2>/dev/null) || return 1
  minor=$(echo "$found" | sed -n 's/^go version go1\.\([0-9]*\).*/\1/p')
  [ -n "$minor" ] && [ "$minor" -ge "$WANT_MINOR" ]
}

if recent go || recent "$dir/bin/go"; then
  exit 0
fi
command -v go >/dev/null || { echo "$0: no go on PATH to fetch go $VERSION with (Debian: apt-get install golang-go)" >&2; exit 1; }

case $(uname -m) in
  x86_64) arch=amd64 ;;
  aarch64 | arm64) arch=arm64 ;;
  *) echo "$0: no Go toolchain is known here for $(uname -m)" >&2; exit 1 ;;
esac
module=golang.org/toolchain@v0.0.1-go$VERSION.linux-$arch

echo "installing go $VERSION into $dir"
# In an empty folder: the module must not be looked up relative to a go.mod that the old go cannot read.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
source=$(cd "$scratch" && GO111MODULE=on GOFLAGS= GOTOOLCHAIN=local go mod download -json "$module" | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",\{0,1\}$/\1/p')
[ -n "$source" ] || { echo "$0: cannot download $module" >&2; exit 1; }

# Copied aside and renamed, so that an interrupted copy is never taken for a toolchain.
mkdir -p "$(dirname "$dir")"
rm -rf "$dir.new"
cp -R "$source" "$dir.new"
chmod -R u+w "$dir.new"
chmod +x "$dir.new"/bin/* "$dir.new"/pkg/tool/*/*
rm -rf "$dir"
mv "$dir.new" "$dir"
"$dir/bin/go" version
