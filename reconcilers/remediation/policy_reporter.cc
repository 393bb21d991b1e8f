#include "reconcilers/remediation/policy_reporter.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "controller/base/log.h"
#include "controller/kube/request.h"
#include "crds/v1alpha1/codec.h"
#include "reconcilers/actions/action.h"
#include "reconcilers/remediation/resources.h"

namespace kr::remediation {
namespace {

// A merge patch that turns one status into the other: what is no longer there has to be said.
nlohmann::json StatusPatch(const nlohmann::json& before, nlohmann::json after) {
  for (const auto& [field, value] : before.items()) {
    if (!after.contains(field)) after[field] = nullptr;
  }
  return after;
}

}  // namespace

PolicyReporter::PolicyReporter(Options options, runtime::Engine& engine, runtime::ApiSender& api,
                               Source source)
    : options_(options),
      engine_(engine),
      api_(api),
      source_(std::move(source)),
      self_(std::make_shared<PolicyReporter*>(this)) {}

PolicyReporter::~PolicyReporter() = default;

void PolicyReporter::Touch(const std::string& policy_uid) {
  Schedule(policy_uid, policies_[policy_uid]);
}

void PolicyReporter::Forget(const std::string& policy_uid) {
  policies_.erase(policy_uid);
}

void PolicyReporter::Schedule(const std::string& policy_uid, Policy& policy) {
  if (policy.writing) policy.again = true;
  if (policy.scheduled || policy.writing) return;
  policy.scheduled = true;
  const MonotonicTime now = engine_.Now();
  const MonotonicTime when = policy.last ? std::max(now, *policy.last + options_.interval) : now;
  engine_.At(when, [weak = std::weak_ptr(self_), policy_uid] {
    if (auto self = weak.lock()) (*self)->Write(policy_uid);
  });
}

void PolicyReporter::Write(const std::string& policy_uid) {
  const auto it = policies_.find(policy_uid);
  if (it == policies_.end()) return;
  it->second.scheduled = false;
  const auto wanted = source_(policy_uid);
  if (!wanted) return;
  const nlohmann::json before = crds::ToJson(wanted->object.status);
  const nlohmann::json after = crds::ToJson(wanted->status);
  if (before == after) return;
  it->second.last = engine_.Now();
  it->second.writing = true;
  const nlohmann::json patch = {{"metadata",
                                 {{"resourceVersion", wanted->object.metadata.resource_version},
                                  {"uid", wanted->object.metadata.uid}}},
                                {"status", StatusPatch(before, after)}};
  kube::HttpRequest request = kube::PatchObject(
      PolicyResource(), {"", wanted->object.metadata.name}, "status", kube::PatchType::kMerge,
      patch, {.field_manager = actions::kFieldManager, .server_timeout = options_.write_timeout});
  request.timeout = options_.write_timeout;
  api_.Send(
      std::move(request),
      [weak = std::weak_ptr(self_), policy_uid](StatusOr<kube::Reply> reply) {
        auto self = weak.lock();
        if (!self) return;
        const auto policy = (*self)->policies_.find(policy_uid);
        if (policy == (*self)->policies_.end()) return;
        policy->second.writing = false;
        const bool failed = !reply.ok() && !absl::IsNotFound(reply.status());
        if (failed && !absl::IsAborted(reply.status()) && !runtime::IsNotSent(reply.status())) {
          log::Warning("Policy status was not written", {{"error", Message(reply.status())}});
        }
        if (std::exchange(policy->second.again, false) || failed) {
          (*self)->Schedule(policy_uid, policy->second);
        }
      },
      {.permit = runtime::PermitNeed::kWrite});
}

}  // namespace kr::remediation
