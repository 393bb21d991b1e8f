#include "reconcilers/policy/own_effect.h"

#include <algorithm>
#include <string>

#include "reconcilers/policy/reads.h"

namespace kr::policy {
namespace {

using document::Path;

bool IsPrefix(const Path& prefix, const Path& path) {
  return prefix.steps.size() <= path.steps.size() &&
         std::equal(prefix.steps.begin(), prefix.steps.end(), path.steps.begin());
}

// The fields of the target that the remedy's steps change.
std::vector<Path> Written(const Remedy& remedy) {
  std::vector<Path> paths;
  for (const Step& step : remedy.steps) {
    if (step.spec.apply_to) continue;
    for (Path& path : step.action->EffectPaths()) paths.push_back(std::move(path));
  }
  return paths;
}

// Whether the trigger rests on nothing but those fields (and Events).
bool RestsOn(const Trigger& trigger, const std::vector<Path>& written) {
  bool reads_anything = false;
  for (const signals::SignalPtr& signal : trigger.signals) {
    if (signal->IsOccurrence()) continue;
    const std::vector<cel::Read> reads = signal->Reads();
    for (const cel::Read& read : reads) {
      if (read.variable == "target" || read.variable == "params" || read.variable == "now")
        continue;
      if (read.variable != "object") return false;
      reads_anything = true;
      const bool ours = std::any_of(written.begin(), written.end(),
                                    [&](const Path& path) { return IsPrefix(path, read.path); });
      if (!ours) return false;
    }
  }
  return reads_anything;
}

}  // namespace

Status CheckOwnEffects(const CompiledPolicy& policy) {
  for (size_t i = 0; i < policy.remedies.size(); ++i) {
    const Remedy& remedy = policy.remedies[i];
    if (!remedy.verify.empty()) continue;
    const std::vector<Path> written = Written(remedy);
    if (written.empty()) continue;
    for (const Trigger& trigger : policy.triggers) {
      if (!RestsOn(trigger, written)) continue;
      return InvalidArgument(
          "spec.remedies[" + std::to_string(i) +
          "].verify: expected an expression, because trigger \"" + trigger.name +
          "\" reads only what remedy \"" + remedy.name +
          "\" writes itself: the trigger goes away by our own write, whether it helped or not");
    }
  }
  return OkStatus();
}

}  // namespace kr::policy
