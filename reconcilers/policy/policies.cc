#include "reconcilers/policy/policies.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "controller/base/log.h"
#include "crds/v1alpha1/codec.h"
#include "reconcilers/policy/compile.h"

namespace kr::policy {

CompiledPolicyPtr PolicyEntry::For(const crds::ObjectReference& target) const {
  const auto gvk = kube::GroupVersionKind::FromApiVersion(target.api_version, target.kind);
  for (const CompiledPolicyPtr& policy : kinds) {
    if (policy->target.group == gvk.group && policy->target.kind == gvk.kind) return policy;
  }
  return nullptr;
}

bool Policies::Upsert(const document::Document& object) {
  const nlohmann::json json = object.ToJson();
  PolicyEntry& entry = by_name_[std::string(object.name())];
  auto parsed = crds::FromJson<crds::RemediationPolicy>(json);
  if (!parsed.ok()) {
    // Identity and status are still good: the refusal has to be reported somewhere.
    crds::RemediationPolicy identity;
    identity.metadata.name = object.name();
    identity.metadata.uid = object.uid();
    identity.metadata.resource_version = object.resource_version();
    const auto generation = object.At("metadata.generation");
    if (generation.kind() == document::Kind::kInt) {
      identity.metadata.generation = generation.AsInt();
    }
    const auto status = json.find("status");
    if (status != json.end()) {
      if (auto old = crds::FromJson<crds::RemediationPolicyStatus>(*status); old.ok()) {
        identity.status = *std::move(old);
      }
    }
    const bool news = entry.accepted != parsed.status() ||
                      entry.object.metadata.generation != identity.metadata.generation;
    entry = {std::move(identity), parsed.status(), {}};
    if (news) {
      log::Warning("Refused policy",
                   {{"policy", object.name()}, {"error", Message(entry.accepted)}});
    }
    return news;
  }
  const bool same = entry.object.metadata.uid == parsed->metadata.uid &&
                    entry.object.metadata.generation == parsed->metadata.generation;
  entry.object = *std::move(parsed);
  if (same) return false;
  auto compiled = CompileKinds(entry.object);
  entry.accepted = compiled.status();
  entry.kinds.clear();
  if (compiled.ok()) entry.kinds = *std::move(compiled);
  if (entry.accepted.ok()) {
    log::Info("Accepted policy",
              {{"policy", object.name()},
               {"generation", std::to_string(entry.object.metadata.generation)}});
  } else {
    log::Warning("Refused policy", {{"policy", object.name()}, {"error", Message(entry.accepted)}});
  }
  return true;
}

void Policies::Remove(const document::Document& object) {
  const auto it = by_name_.find(std::string(object.name()));
  if (it != by_name_.end() && it->second.object.metadata.uid == object.uid()) by_name_.erase(it);
}

const PolicyEntry* Policies::FindByUid(std::string_view uid) const {
  for (const auto& [name, entry] : by_name_) {
    if (entry.object.metadata.uid == uid) return &entry;
  }
  return nullptr;
}

std::vector<CompiledPolicyPtr> Policies::Compiled() const {
  std::vector<CompiledPolicyPtr> compiled;
  for (const auto& [name, entry] : by_name_) {
    compiled.insert(compiled.end(), entry.kinds.begin(), entry.kinds.end());
  }
  return compiled;
}

}  // namespace kr::policy
