#include "reconcilers/remediation/effects_finalizer.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "controller/kube/request.h"
#include "reconcilers/actions/action.h"
#include "reconcilers/actions/registry.h"
#include "reconcilers/remediation/resources.h"

namespace kr::remediation {
namespace {

kube::HttpRequest PatchFinalizers(const crds::Remediation& remediation,
                                  const std::vector<std::string>& finalizers,
                                  absl::Duration timeout) {
  const crds::ObjectMeta& metadata = remediation.metadata;
  const nlohmann::json patch = {{"metadata",
                                 {{"uid", metadata.uid},
                                  {"resourceVersion", metadata.resource_version},
                                  {"finalizers", finalizers}}}};
  kube::HttpRequest request = kube::PatchObject(
      RemediationResource(), {"", metadata.name}, "", kube::PatchType::kMerge, patch,
      {.field_manager = actions::kFieldManager, .server_timeout = timeout});
  request.timeout = timeout;
  return request;
}

}  // namespace

bool HasEffectsFinalizer(const crds::Remediation& remediation) {
  return remediation.metadata.HasFinalizer(crds::kEffectsFinalizer);
}

bool HoldsMitigations(const crds::Remediation& remediation) {
  return std::any_of(remediation.status.steps.begin(), remediation.status.steps.end(),
                     [](const crds::StepProgress& step) {
                       return actions::IsMitigation(step.action) && !step.memo.empty() &&
                              !step.writes.empty();
                     });
}

kube::HttpRequest AddEffectsFinalizer(const crds::Remediation& remediation,
                                      absl::Duration timeout) {
  std::vector<std::string> finalizers = remediation.metadata.finalizers;
  finalizers.emplace_back(crds::kEffectsFinalizer);
  return PatchFinalizers(remediation, finalizers, timeout);
}

kube::HttpRequest RemoveEffectsFinalizer(const crds::Remediation& remediation,
                                         absl::Duration timeout) {
  std::vector<std::string> finalizers = remediation.metadata.finalizers;
  std::erase(finalizers, crds::kEffectsFinalizer);
  return PatchFinalizers(remediation, finalizers, timeout);
}

}  // namespace kr::remediation
