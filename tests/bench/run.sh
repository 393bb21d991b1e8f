#!/usr/bin/env bash
# The measurements of docs/performance.md: tests/bench/run.sh BUILD_DIR. CPU time is what to quote: it
# does not depend on what else the machine does.
set -euo pipefail
build=$1
for bench in document_bench cel_bench relation_bench; do
  printf '\n== %s\n' "$bench"
  "$build/tests/bench/$bench"
done
