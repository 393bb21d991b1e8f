#include "reconcilers/remediation/finalizer_release.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "crds/v1alpha1/codec.h"
#include "reconcilers/remediation/effects_finalizer.h"
#include "reconcilers/remediation/registry.h"

namespace kr::remediation {
namespace {

bool MayGo(const crds::Remediation& remediation) {
  return !IsOpen(remediation) && !HoldsMitigations(remediation) && HasEffectsFinalizer(remediation);
}

}  // namespace

FinalizerRelease::FinalizerRelease(const Options& options, runtime::Engine& engine,
                                   runtime::ApiSender& api, Find find, Released released)
    : options_(options),
      engine_(engine),
      api_(api),
      find_(std::move(find)),
      released_(std::move(released)),
      self_(std::make_shared<FinalizerRelease*>(this)) {}

void FinalizerRelease::Release(const crds::Remediation& remediation) {
  if (!MayGo(remediation)) return;
  const bool begins = pauses_.try_emplace(remediation.metadata.name, options_.retry_initial).second;
  if (begins) Send(remediation);
}

void FinalizerRelease::Send(const crds::Remediation& remediation) {
  api_.Send(
      RemoveEffectsFinalizer(remediation, options_.write_timeout),
      [weak = std::weak_ptr(self_), name = remediation.metadata.name](StatusOr<kube::Reply> reply) {
        if (auto self = weak.lock()) (*self)->OnReply(name, std::move(reply));
      },
      {.permit = runtime::PermitNeed::kWrite});
}

void FinalizerRelease::OnReply(const std::string& name, StatusOr<kube::Reply> reply) {
  const auto it = pauses_.find(name);
  if (it == pauses_.end()) return;
  if (!reply.ok() && !absl::IsNotFound(reply.status())) {  // changed meanwhile, or nobody knows
    const absl::Duration pause = it->second;
    it->second = std::min(pause * 2, options_.retry_max);
    engine_.After(pause, [weak = std::weak_ptr(self_), name] {
      if (auto self = weak.lock()) (*self)->Again(name);
    });
    return;
  }
  pauses_.erase(it);
  if (!reply.ok()) return;
  const auto now =
      crds::FromJson<crds::Remediation>(nlohmann::json::parse(reply->body, nullptr, false));
  const crds::Remediation* known = find_(name);
  // One that was deleted is not brought back by an answer that comes after that news.
  if (now.ok() && known != nullptr && known->metadata.uid == now->metadata.uid) released_(*now);
}

void FinalizerRelease::Again(const std::string& name) {
  if (!pauses_.contains(name)) return;
  const crds::Remediation* newest = find_(name);
  if (newest == nullptr || !MayGo(*newest)) {
    pauses_.erase(name);
    return;
  }
  Send(*newest);
}

}  // namespace kr::remediation
