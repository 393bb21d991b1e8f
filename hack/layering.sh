#!/usr/bin/env bash
# The arrows go one way (docs/architecture.md). Each line: a folder, then what it may include of
# ours besides itself.
set -euo pipefail
cd "$(dirname "$0")/.."
fail=0

allow() {
  local folder=$1
  shift
  local pattern="$folder/"
  for other in "$@"; do pattern="$pattern|$other/"; done
  while IFS= read -r line; do
    echo "layering: $line (may include: $folder $*)"
    fail=1
  done < <(grep -rnE '^#include "(crds|controller|reconcilers|cmd|tests)/' "$folder" \
    --include='*.h' --include='*.cc' 2>/dev/null |
    grep -vE "#include \"($pattern)" || true)
}
forbid() {  # forbid PATTERN WHY FILES...
  local pattern=$1 why=$2
  shift 2
  while IFS= read -r file; do
    echo "layering: $file: $why"
    fail=1
  done < <(grep -rlE "$pattern" "$@" --include='*.h' --include='*.cc' 2>/dev/null || true)
}

allow crds/meta
allow crds/v1alpha1 crds/meta
allow controller/base
allow controller/kube controller/base crds/meta
allow controller/document controller/base
allow controller/values controller/base
allow controller/cel controller/document controller/values controller/base
allow controller/cache controller/document controller/kube controller/base crds/meta
allow controller/runtime controller/cache controller/document controller/kube controller/base crds/meta
allow reconcilers/limits controller crds
allow reconcilers/signals controller crds
allow reconcilers/node controller crds
allow reconcilers/drain controller crds
allow reconcilers/agent reconcilers/node controller crds
allow reconcilers/service controller crds
allow reconcilers/actions reconcilers/service reconcilers/node reconcilers/drain controller crds
allow reconcilers/policy reconcilers/signals reconcilers/limits reconcilers/actions reconcilers/node reconcilers/drain controller crds
allow reconcilers/remediation reconcilers/policy reconcilers/signals reconcilers/limits reconcilers/actions reconcilers/node reconcilers/drain controller crds

forbid '#include <regex>|std::regex' 'RE2 is the rule for patterns' controller reconcilers crds cmd
forbid 'sleep_for|usleep\(' 'sleeps for a fixed time' controller reconcilers crds cmd tests
others=$(grep -rlE '#include <cpprest' controller reconcilers crds cmd 2>/dev/null | grep -v 'cpprest_transport.cc' || true)
[ -z "$others" ] || { echo "layering: cpprestsdk belongs into one file, not $others"; fail=1; }
clocks=$(grep -rlE 'system_clock::now|steady_clock::now|absl::Now\(' controller reconcilers crds cmd 2>/dev/null | grep -v 'controller/base/clock.cc' || true)
[ -z "$clocks" ] || { echo "layering: time comes from Clock, not in $clocks"; fail=1; }
exit $fail
