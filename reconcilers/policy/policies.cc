#include "reconcilers/policy/policies.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "controller/base/log.h"
#include "crds/v1alpha1/codec.h"
#include "reconcilers/policy/compile.h"
#include "reconcilers/policy/params.h"

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
    entry = {std::move(identity), parsed.status(), OkStatus(), {}, {}};
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
  entry.watched = entry.kinds;
  entry.params = OkStatus();
  if (entry.accepted.ok() && entry.object.spec.param_ref) {
    entry.kinds.clear();  // its defaults are not what was asked for
    entry.params = Unavailable("spec.paramRef: has not been read yet");
  }
  if (entry.accepted.ok()) {
    log::Info("Accepted policy",
              {{"policy", object.name()},
               {"generation", std::to_string(entry.object.metadata.generation)}});
  } else {
    log::Warning("Refused policy", {{"policy", object.name()}, {"error", Message(entry.accepted)}});
  }
  return true;
}

namespace {

StatusOr<std::vector<crds::Param>> ValuesOf(const crds::RemediationPolicySpec& spec,
                                            Policies::ParamTexts texts) {
  auto data = texts(*spec.param_ref);
  if (absl::IsNotFound(data.status()) && spec.param_ref->optional) data.emplace();
  if (!data.ok()) return Annotate(data.status(), "spec.paramRef");
  auto values = WithTexts(spec.params, *data);
  if (values.ok()) return values;
  return Annotate(values.status(), "spec.paramRef: ConfigMap " + spec.param_ref->name_space + "/" +
                                       spec.param_ref->name);
}

// Whether something that the policy reads has another value than in `values`.
bool HasOther(const std::vector<CompiledPolicyPtr>& kinds, const std::vector<crds::Param>& values) {
  return std::any_of(kinds.begin(), kinds.end(), [&](const CompiledPolicyPtr& policy) {
    return !std::equal(values.begin(), values.end(), policy->spec.params.begin(),
                       policy->spec.params.end(), [&](const crds::Param& a, const crds::Param& b) {
                         return a == b || !policy->read_params.contains(a.name);
                       });
  });
}

}  // namespace

ParamSources Policies::Params() const {
  ParamSources sources;
  for (const auto& [name, entry] : by_name_) {
    const std::optional<crds::ParamRef>& ref = entry.object.spec.param_ref;
    if (!entry.accepted.ok() || !ref) continue;
    std::set<std::string>& names = sources[{ref->name_space, ref->name}];
    for (const crds::Param& param : entry.object.spec.params) names.insert(param.name);
  }
  return sources;
}

bool Policies::RefreshParams(ParamTexts texts) {
  bool changed = false;
  for (auto& [name, entry] : by_name_) {
    if (!entry.accepted.ok() || !entry.object.spec.param_ref) continue;
    auto values = ValuesOf(entry.object.spec, texts);
    // Being listed again is no news.
    if (!entry.kinds.empty() && absl::IsUnavailable(values.status())) continue;
    if (values.ok() && !entry.kinds.empty() && !HasOther(entry.kinds, *values)) continue;
    Status problem = values.status();
    std::vector<CompiledPolicyPtr> kinds;
    if (values.ok()) {
      crds::RemediationPolicy policy = entry.object;
      policy.spec.params = *std::move(values);
      auto with_values = CompileKinds(policy);
      problem = with_values.status();
      if (with_values.ok()) kinds = *std::move(with_values);
    }
    if (entry.kinds == kinds && entry.params == problem) continue;
    changed = true;
    entry.kinds = std::move(kinds);
    if (!entry.kinds.empty()) entry.watched = entry.kinds;
    entry.params = std::move(problem);
    if (!entry.kinds.empty()) {
      log::Info("Parameters have values", {{"policy", name}});
    } else if (!absl::IsUnavailable(entry.params)) {
      log::Warning("Parameters have no values",
                   {{"policy", name}, {"error", Message(entry.params)}});
    }
  }
  return changed;
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

std::vector<CompiledPolicyPtr> Policies::Watched() const {
  std::vector<CompiledPolicyPtr> watched;
  for (const auto& [name, entry] : by_name_) {
    watched.insert(watched.end(), entry.watched.begin(), entry.watched.end());
  }
  return watched;
}

}  // namespace kr::policy
