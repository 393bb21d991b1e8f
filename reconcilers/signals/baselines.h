#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "crds/v1alpha1/target_baseline.h"
#include "reconcilers/signals/view.h"

namespace kr::signals {

// The TargetBaselines as far as is known: from the watch, and what is about to be written. Engine
// thread only.
class Baselines {
 public:
  // Until all that exist are known, nobody knows what there is not.
  bool complete() const { return complete_; }
  void SetComplete() { complete_ = true; }

  void Set(const crds::TargetBaseline& baseline);
  void Remove(const crds::TargetBaseline& baseline);
  // Null when there is none. `policy_id` is UID, group and kind, "uid/apps/Deployment".
  const crds::TargetBaseline* Find(std::string_view policy_id, const TargetName& target) const;
  const crds::BaselineValue* FindValue(std::string_view policy_id, const TargetName& target,
                                       std::string_view trigger) const;
  // Since when that trigger has held for what is worth remembering; nullopt when it does not.
  std::optional<absl::Time> HoldsSince(std::string_view policy_id, const TargetName& target,
                                       std::string_view trigger) const;
  void ForEach(absl::FunctionRef<void(const crds::TargetBaseline&)> visit) const;

 private:
  std::map<std::string, crds::TargetBaseline> by_target_;
  bool complete_ = false;
};

}  // namespace kr::signals
