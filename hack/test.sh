#!/usr/bin/env bash
# All tests: hack/test.sh BUILD_DIR. Quick and narrow ones first, so that a mistake shows early.
set -euo pipefail
build=$1
cd "$(dirname "$0")/.."
jobs=$(nproc)

step() { printf '\n== %s (%s)\n' "$1" "$(date +%T)"; }
step "unit and component tests"
ctest --test-dir "$build" --output-on-failure -j "$jobs"
step "CEL against Kubernetes' own implementation"
tests/oracle/run.sh "$build"
step "alerts, with promtool"
(cd tests/prometheus && go test ./...)
step "fault proxy, local cluster, demo"
(cd e2e && go test ./faultproxy/... ./cluster/... ./cmd/...)
# Control planes collect garbage less often: memory is there, and CPU is what these tests wait for.
export GOGC=400
step "end to end on a real control plane"
# Two control planes side by side: at times each waits more than it works.
(cd e2e && KUBE_REMEDY_BIN="$(realpath "../$build")/bin" go test -p 2 -timeout 45m ./cases/... ./catalogue/... ./faults/... ./grants/...)
step "on a real node"
(cd e2e && KUBE_REMEDY_BIN="$(realpath "../$build")/bin" go test -timeout 25m ./realnode/...)
