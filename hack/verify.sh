#!/usr/bin/env bash
# What a reviewer should not have to look for: hack/verify.sh BUILD_DIR.
set -euo pipefail
build=$1
cd "$(dirname "$0")/.."
fail=0
say() { printf 'verify: %s\n' "$1"; }

say "format"
git ls-files '*.cc' '*.h' | xargs clang-format --dry-run --Werror || fail=1
unformatted=$(gofmt -l e2e tests)
[ -z "$unformatted" ] || { echo "gofmt: $unformatted"; fail=1; }

say "layering"
hack/layering.sh || fail=1

say "sizes"
while read -r lines file; do
  [ "$file" = total ] || [ "$lines" -le 600 ] || { echo "$file has $lines lines, at most 600"; fail=1; }
done < <(git ls-files '*.cc' '*.h' '*.go' '*.sh' | xargs wc -l)

say "each header compiles alone"
hack/own_header_first.sh || fail=1
cmake --build "$build" --target all_verify_interface_header_sets -- -k 0 || fail=1

say "schema parity"
ctest --test-dir "$build" --output-on-failure -R 'SchemaMatchesTypes|Schemas\.' --no-tests=error >/dev/null || fail=1

say "nothing generated is left behind"
git diff --exit-code --stat || fail=1
exit $fail
