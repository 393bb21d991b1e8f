#include "reconcilers/signals/baselines.h"

namespace kr::signals {
namespace {

// An object by its UID, so that another one of the same name begins anew; a place by its name.
std::string Key(std::string_view policy_id, const TargetName& target) {
  std::string key(policy_id);
  key += '\n';
  if (!target.uid.empty()) return key.append(target.uid);
  return key.append(target.name_space).append("/").append(target.name);
}

std::string Key(const crds::TargetBaseline& baseline) {
  const crds::ObjectReference& ref = baseline.spec.target_ref;
  const size_t slash = ref.api_version.find('/');
  const std::string group =
      slash == std::string::npos ? std::string() : ref.api_version.substr(0, slash);
  return Key(baseline.spec.policy_ref.uid + "/" + group + "/" + ref.kind,
             {ref.name_space, ref.name, ref.uid});
}

}  // namespace

void Baselines::Set(const crds::TargetBaseline& baseline) {
  by_target_.insert_or_assign(Key(baseline), baseline);
}

void Baselines::Remove(const crds::TargetBaseline& baseline) {
  by_target_.erase(Key(baseline));
}

const crds::TargetBaseline* Baselines::Find(std::string_view policy_id,
                                            const TargetName& target) const {
  const auto it = by_target_.find(Key(policy_id, target));
  return it == by_target_.end() ? nullptr : &it->second;
}

const crds::BaselineValue* Baselines::FindValue(std::string_view policy_id,
                                                const TargetName& target,
                                                std::string_view trigger) const {
  const crds::TargetBaseline* baseline = Find(policy_id, target);
  if (baseline == nullptr) return nullptr;
  for (const crds::BaselineValue& value : baseline->status.values) {
    if (value.trigger == trigger) return &value;
  }
  return nullptr;
}

std::optional<absl::Time> Baselines::HoldsSince(std::string_view policy_id,
                                                const TargetName& target,
                                                std::string_view trigger) const {
  const crds::TargetBaseline* baseline = Find(policy_id, target);
  if (baseline == nullptr) return std::nullopt;
  for (const crds::BaselineHold& hold : baseline->status.holding) {
    if (hold.trigger == trigger) return hold.since;
  }
  return std::nullopt;
}

void Baselines::ForEach(absl::FunctionRef<void(const crds::TargetBaseline&)> visit) const {
  for (const auto& [key, baseline] : by_target_) visit(baseline);
}

}  // namespace kr::signals
