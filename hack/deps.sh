#!/usr/bin/env bash
# Installs what the build and the tests need and is not there yet: hack/deps.sh GO_DIR.
# Debian packages through apt (with sudo when not root), a Go toolchain into GO_DIR.
set -euo pipefail
go_dir=$1
here=$(cd "$(dirname "$0")/.." && pwd)

packages=(
  build-essential cmake ninja-build pkg-config ccache mold git ca-certificates openssl
  clang-format golang-go
  libabsl-dev libbenchmark-dev libboost-dev libboost-system-dev libboost-thread-dev libboost-chrono-dev
  libcli11-dev libcpprest-dev libcurl4-openssl-dev libgmock-dev libgtest-dev libre2-dev libsimdjson-dev
  libspdlog-dev libssl-dev libyaml-cpp-dev nlohmann-json3-dev prometheus-cpp-dev zlib1g-dev
  mmdebstrap systemd-container tzdata
)
# A toolchain that is new enough needs no help from Debian's older one.
if command -v go >/dev/null && "$here/e2e/cluster/install-go.sh" --check; then
  packages=("${packages[@]/golang-go/}")
fi

missing=()
for package in ${packages[@]}; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "deps: installing ${missing[*]}"
  as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  export DEBIAN_FRONTEND=noninteractive
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
"$here/e2e/cluster/install-go.sh" "$go_dir"
echo "deps: all there"
