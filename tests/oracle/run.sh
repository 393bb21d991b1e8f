#!/usr/bin/env bash
# Compares our CEL with Kubernetes' own: tests/oracle/run.sh [--update] BUILD_DIR
# The expressions of cases/ and of docs/expressions.md, those of cel-spec's conformance files, and COUNT random ones (SEED).
# --update writes the answers to cases/ into golden.jsonl, and what the environment declares into
# environment.txt; the unit tests read both.
set -euo pipefail
update=false
if [[ ${1:-} == --update ]]; then update=true; shift; fi
build=$(realpath "${1:?usage: tests/oracle/run.sh [--update] BUILD_DIR}")
here=$(cd "$(dirname "$0")" && pwd)
cache=${KUBE_REMEDY_CACHE:-$here/../../.cache}
mkdir -p "$cache/bin"
oracle=$(realpath "$cache/bin")/oracle
compare=$build/tests/controller/cel/cel_oracle_compare
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

(cd "$here/cel" && go build -o "$oracle" .)

ask() {  # name of the questions in $work
  "$oracle" <"$work/$1.questions" >"$work/$1.answers"
}
check() {
  printf '%s: ' "$1"
  "$compare" compare "$work/$1.questions" "$work/$1.answers"
}

{
  cat "$here"/cases/*.txt
  # What the documentation shows must be so in Kubernetes as well.
  echo @pod
  sed -n '/^```cel/,/^```/p' "$here/../../docs/expressions.md" | grep -v '^```'
} >"$work/cases.txt"
"$compare" table "$work/cases.txt" "$here/objects.json" >"$work/table.questions"
ask table
if $update; then
  "$compare" golden "$work/table.questions" "$work/table.answers" >"$here/golden.jsonl"
  "$oracle" list >"$here/environment.txt"
  echo "wrote $here/golden.jsonl and environment.txt"
  exit 0
fi
status=0
check table || status=1

# Stale answers would make the unit tests lie.
"$compare" golden "$work/table.questions" "$work/table.answers" | diff -q - "$here/golden.jsonl" ||
  { echo "golden.jsonl is not what the oracle says: run with --update"; status=1; }
"$oracle" list | diff -q - "$here/environment.txt" ||
  { echo "environment.txt is not what the oracle declares: run with --update"; status=1; }

spec=$(cd "$here/cel" && go list -m -f '{{.Dir}}' cel.dev/expr)
"$oracle" conformance "$spec/tests/simple/testdata" >"$work/conformance.questions"
ask conformance
check conformance || status=1

"$compare" generate "${SEED:-1}" "${COUNT:-10000}" >"$work/random.questions"
ask random
check random || status=1
exit $status
