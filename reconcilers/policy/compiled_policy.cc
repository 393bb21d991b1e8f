#include "reconcilers/policy/compiled_policy.h"

#include "crds/meta/duration.h"

namespace kr::policy {

std::string RevertText(const crds::Revert& revert) {
  std::string text = "after the cure";
  if (revert.after > absl::ZeroDuration()) text = crds::FormatDuration(revert.after) + " " + text;
  if (!revert.when.empty()) text += " and once " + revert.when;
  return text;
}

}  // namespace kr::policy
