#include "reconcilers/limits/ledger.h"

#include <algorithm>

namespace kr::limits {
namespace {

template <typename Names>
void Remove(Names& names, const std::string& key, const std::string& name) {
  const auto it = names.find(key);
  if (it == names.end()) return;
  it->second.erase(name);
  if (it->second.empty()) names.erase(it);
}

}  // namespace

std::string LockKey(const crds::ObjectReference& object) {
  const size_t slash = object.api_version.find('/');
  std::string key = slash == std::string::npos ? "" : object.api_version.substr(0, slash);
  return key.append("/")
      .append(object.kind)
      .append("/")
      .append(object.name_space)
      .append("/")
      .append(object.name);
}

void Ledger::Hold(const Holder& holder, std::span<const crds::ObjectReference> objects) {
  Entry& entry = held_[holder.remediation];
  entry.holder = holder;
  by_policy_[holder.policy_uid].insert(holder.remediation);
  const auto add = [&](const crds::ObjectReference& object) {
    if (!by_object_[LockKey(object)].insert(holder.remediation).second) return;
    entry.objects.push_back(object);
  };
  add(holder.target);
  for (const crds::ObjectReference& object : objects) add(object);
}

void Ledger::Release(std::string_view remediation) {
  const auto it = held_.find(remediation);
  if (it == held_.end()) return;
  for (const crds::ObjectReference& object : it->second.objects) {
    Remove(by_object_, LockKey(object), it->first);
  }
  Remove(by_policy_, it->second.holder.policy_uid, it->first);
  held_.erase(it);
}

void Ledger::Clear() {
  held_.clear();
  by_object_.clear();
  by_policy_.clear();
}

const Ledger::Holder* Ledger::OtherHolder(const crds::ObjectReference& object,
                                          std::string_view remediation) const {
  const auto it = by_object_.find(LockKey(object));
  if (it == by_object_.end()) return nullptr;
  for (const std::string& name : it->second) {
    const Holder& holder = held_.find(name)->second.holder;
    if (name != remediation && !holder.ended) return &holder;
  }
  return nullptr;
}

std::optional<Refusal> Ledger::CheckLocks(std::string_view remediation,
                                          std::span<const crds::ObjectReference> objects) const {
  for (const crds::ObjectReference& object : objects) {
    const Holder* holder = OtherHolder(object, remediation);
    if (holder == nullptr) continue;
    return Refusal{.reason = Reason::kTargetBusy,
                   .message = object.ToString() + " is being remediated by policy " +
                              holder->policy + " (Remediation " + holder->remediation + ")"};
  }
  return std::nullopt;
}

std::vector<SlotHolder> Ledger::SlotsOf(std::string_view policy_uid) const {
  std::vector<SlotHolder> slots;
  const auto it = by_policy_.find(policy_uid);
  if (it == by_policy_.end()) return slots;
  for (const std::string& name : it->second) {
    slots.push_back({name, held_.find(name)->second.holder.target.ToString()});
  }
  return slots;
}

void Ledger::ForEachOf(std::string_view policy_uid,
                       absl::FunctionRef<void(const Holder&)> visit) const {
  const auto it = by_policy_.find(policy_uid);
  if (it == by_policy_.end()) return;
  for (const std::string& name : it->second) visit(held_.find(name)->second.holder);
}

void Ledger::ForEach(
    absl::FunctionRef<void(const crds::ObjectReference&, const Holder&)> visit) const {
  for (const auto& [name, entry] : held_) {
    for (const crds::ObjectReference& object : entry.objects) visit(object, entry.holder);
  }
}

}  // namespace kr::limits
