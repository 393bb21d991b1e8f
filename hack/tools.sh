#!/usr/bin/env bash
# Builds, once, what the demo and the tests run beside our own programs: the end-to-end programs
# (into build/e2e) and the control plane (into the cache that git ignores).
set -euo pipefail
cd "$(dirname "$0")/../e2e"
mkdir -p ../build/e2e
go build -o ../build/e2e ./cmd/...
../build/e2e/cluster build
