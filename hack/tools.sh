#!/usr/bin/env bash
# Builds, once, what the demo and the tests run beside our own programs: the control plane, the
# end-to-end programs and the CEL oracle. Everything goes into the cache that git ignores.
set -euo pipefail
cd "$(dirname "$0")/.."
(cd e2e && go run ./cmd/cluster build)
