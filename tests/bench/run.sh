#!/usr/bin/env bash
# The measurements of docs/performance.md: tests/bench/run.sh BUILD_DIR. Best on a machine that
# does nothing else: latencies suffer most, memory least.
#
#   BENCH_SETS=realistic        only one of the data sets
#   BENCH_PODS, BENCH_NODES     a smaller cluster, to try it out: nothing is judged then
#   BENCH_PEERS=false           without client-go
#   BENCH_SPEED=false           without the latencies
#   BENCH_DRAINS=false          without emptying and cordoning 200 nodes
#   BENCH_PARTS=false           without the google-benchmarks of the parts
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$(realpath "${1:?usage: tests/bench/run.sh BUILD_DIR}")
parts=(document_bench cel_bench relation_bench work_queue_bench admission_bench growth_bench reboot_bench)

cmake --build "$build" --target kube-remedy bench-data "${parts[@]}" -- -j "${JOBS:-$(nproc)}"
mkdir -p build/bench-tools
(cd tests/bench && go build -o ../../build/bench-tools ./...)

KUBE_REMEDY_BIN=$build/bin build/bench-tools/bars \
  --sets "${BENCH_SETS:-uniform,realistic}" \
  --pods "${BENCH_PODS:-30000}" --nodes "${BENCH_NODES:-1000}" \
  --peers="${BENCH_PEERS:-true}" --speed="${BENCH_SPEED:-true}" \
  --generator "$build/tests/bench/data/bench-data" --peers-program build/bench-tools/peers

if [ "${BENCH_DRAINS:-true}" = true ]; then
  printf '\n== drains\n'
  (cd tests/bench && export KUBE_REMEDY_BIN="$build/bin" &&
    go run ./drains --nodes "${BENCH_DRAINED:-200}" && go run ./drains --nodes "${BENCH_DRAINED:-200}" --pods 0)
fi

[ "${BENCH_PARTS:-true}" = true ] || exit 0
for bench in "${parts[@]}"; do
  printf '\n== %s\n' "$bench"
  "$build/tests/bench/$bench"
done
