#include "reconcilers/actions/holders.h"

#include <algorithm>
#include <vector>

#include "reconcilers/actions/change.h"
#include "reconcilers/actions/managed_fields.h"

namespace kr::actions {
namespace {

using nlohmann::json;

const std::vector<std::string>& UnschedulableField() {
  static const std::vector<std::string> steps = {FieldStep("spec"), FieldStep("unschedulable")};
  return steps;
}

json PatchOf(const Holders& holders) {
  json patch;
  patch["metadata"]["annotations"][kHoldersAnnotation] = holders.Annotation();
  return patch;
}

}  // namespace

Holders Holders::Of(const json& object) {
  Holders holders;
  const std::string text = FindText(object, {"metadata", "annotations", kHoldersAnnotation});
  const json parsed = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return holders;
  for (const auto& [mitigation, uids] : parsed.items()) {
    if (!uids.is_array()) continue;
    for (const json& uid : uids) {
      if (uid.is_string()) holders.held_[mitigation].insert(uid.get<std::string>());
    }
  }
  return holders;
}

bool Holders::Has(const std::string& mitigation, std::string_view uid) const {
  const auto found = held_.find(mitigation);
  return found != held_.end() && found->second.contains(std::string(uid));
}

bool Holders::HasAny(const std::string& mitigation) const {
  const auto found = held_.find(mitigation);
  return found != held_.end() && !found->second.empty();
}

size_t Holders::Others(const std::string& mitigation, std::string_view uid) const {
  const auto found = held_.find(mitigation);
  if (found == held_.end()) return 0;
  return found->second.size() - found->second.count(std::string(uid));
}

void Holders::Add(const std::string& mitigation, std::string_view uid) {
  held_[mitigation].emplace(uid);
}

void Holders::Remove(const std::string& mitigation, std::string_view uid) {
  const auto found = held_.find(mitigation);
  if (found == held_.end()) return;
  found->second.erase(std::string(uid));
  if (found->second.empty()) held_.erase(found);
}

void Holders::Clear(const std::string& mitigation) {
  held_.erase(mitigation);
}

std::vector<std::string> Holders::RemoveUnless(absl::FunctionRef<bool(std::string_view uid)> exists,
                                               bool& changed) {
  std::vector<std::string> free;
  for (auto& [mitigation, uids] : held_) {
    const size_t orphans =
        std::erase_if(uids, [&](const std::string& uid) { return !exists(uid); });
    changed = changed || orphans > 0;
    if (uids.empty()) free.push_back(mitigation);
  }
  for (const std::string& mitigation : free) held_.erase(mitigation);
  return free;
}

json Holders::Annotation() const {
  if (held_.empty()) return nullptr;
  return json(held_).dump();
}

bool IsCordoned(const json& node) {
  const json* unschedulable = Find(node, {"spec", "unschedulable"});
  return unschedulable != nullptr && *unschedulable == true;
}

bool IsOurCordon(const json& node) {
  return IsCordoned(node) && Holders::Of(node).HasAny(kCordonMitigation) &&
         OwnsField(node, kFieldManager, UnschedulableField());
}

json CordonPatch(const json& node, std::string_view uid) {
  Holders holders = Holders::Of(node);
  if (IsCordoned(node) && (!IsOurCordon(node) || holders.Has(kCordonMitigation, uid))) return {};
  // Whoever uncordoned the node has cancelled every hold on it.
  if (!IsCordoned(node)) holders.Clear(kCordonMitigation);
  holders.Add(kCordonMitigation, uid);
  json patch = PatchOf(holders);
  patch["spec"]["unschedulable"] = true;
  return patch;
}

json UncordonPatch(const json& node, std::string_view uid) {
  Holders holders = Holders::Of(node);
  if (!holders.Has(kCordonMitigation, uid)) return {};
  const bool last = holders.Others(kCordonMitigation, uid) == 0;
  holders.Remove(kCordonMitigation, uid);
  json patch = PatchOf(holders);
  if (last && IsOurCordon(node)) patch["spec"]["unschedulable"] = nullptr;
  return patch;
}

json OrphansPatch(const json& node, absl::FunctionRef<bool(std::string_view uid)> exists) {
  Holders holders = Holders::Of(node);
  bool changed = false;
  const std::vector<std::string> free = holders.RemoveUnless(exists, changed);
  if (!changed) return {};
  json patch = PatchOf(holders);
  const json* there = Find(node, {"spec", "taints"});
  json taints = there != nullptr && there->is_array() ? *there : json::array();
  for (const std::string& mitigation : free) {
    if (mitigation == kCordonMitigation && IsOurCordon(node)) {
      patch["spec"]["unschedulable"] = nullptr;
    }
    const auto is_held = [&](const json& taint) {
      return TaintMitigation(FindText(taint, {"key"}), FindText(taint, {"effect"})) == mitigation;
    };
    // Whose a taint is nobody tells: the list has one owner, who wrote any of it last.
    if (std::erase_if(taints.get_ref<json::array_t&>(), is_held) > 0) {
      patch["spec"]["taints"] = taints.empty() ? json() : taints;
    }
  }
  return patch;
}

std::string TaintMitigation(std::string_view key, std::string_view effect) {
  return std::string("taint ").append(key).append(":").append(effect);
}

std::string ForeignCordonText(const ObjectRef& ref, const json& node) {
  return ObjectText(ref) + " is cordoned, not by this remediation: " +
         FieldAndOwner(node, kFieldManager, UnschedulableField()) + "; it is left so";
}

}  // namespace kr::actions
