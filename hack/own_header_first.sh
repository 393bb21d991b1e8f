#!/usr/bin/env bash
# The first thing that a source includes is its own header: so every build shows that the header
# needs nothing before it.
set -euo pipefail
cd "$(dirname "$0")/.."
fail=0
while read -r source; do
  header=${source%.cc}.h
  [ -f "$header" ] || continue
  first=$(grep -m1 '^#include' "$source")
  [ "$first" = "#include \"$header\"" ] || { echo "$source includes ${first#\#include } first, not its own header"; fail=1; }
done < <(git ls-files '*.cc')
exit $fail
