#!/usr/bin/env bash
# Tests of a build with sanitizers: hack/sanitize.sh BUILD_DIR.
set -euo pipefail
cd "$(dirname "$0")/.."
export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1
export LSAN_OPTIONS=suppressions=$PWD/tests/lsan.supp:print_suppressions=0
export TSAN_OPTIONS=suppressions=$PWD/tests/tsan.supp:halt_on_error=1
export UBSAN_OPTIONS=print_stacktrace=1
ctest --test-dir "$1" --output-on-failure -j "$(nproc)"
