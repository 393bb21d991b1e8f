#include "reconcilers/policy/discovery.h"

#include <utility>

namespace kr::policy {

using State = kube::RestMapper::State;

Discovery::Discovery(runtime::Engine& engine, runtime::ApiSender& api,
                     std::function<void()> changed)
    : engine_(engine),
      api_(api),
      changed_(std::move(changed)),
      self_(std::make_shared<Discovery*>(this)) {}

kube::RestMapper::Result Discovery::Want(const kube::GroupVersionKind& kind) {
  kube::RestMapper::Result result = mapper_.Find(kind);
  if (result.state != State::kFound) Ask(kind, mapper_.RetryDelay(kind));
  return result;
}

void Discovery::Ask(const kube::GroupVersionKind& kind, absl::Duration delay) {
  if (!asking_.insert(kind).second) return;
  engine_.After(delay, [weak = std::weak_ptr(self_), kind] {
    if (auto self = weak.lock()) (*self)->SendQuestion(kind);
  });
}

void Discovery::SendQuestion(const kube::GroupVersionKind& kind) {
  const kube::HttpRequest request = mapper_.RefreshRequest(kind);
  api_.Send(request, [weak = std::weak_ptr(self_), kind, request](StatusOr<kube::Reply> reply) {
    auto self = weak.lock();
    if (!self) return;
    (*self)->asking_.erase(kind);
    (*self)->mapper_.Absorb(request, reply);
    // Also when nothing was found: the owner wants it again, which waits longer each time.
    (*self)->changed_();
  });
}

}  // namespace kr::policy
