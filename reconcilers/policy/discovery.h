#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>

#include "controller/kube/resource.h"
#include "controller/kube/rest_mapper.h"
#include "controller/runtime/api_sender.h"
#include "controller/runtime/engine.h"

namespace kr::policy {

// Keeps asking the API server where the kinds live that somebody wants: a CRD may be installed
// later, a group's server may be away. Engine thread only.
class Discovery {
 public:
  // `changed` is called when an answer changed something about a wanted kind.
  Discovery(runtime::Engine& engine, runtime::ApiSender& api, std::function<void()> changed);

  // Asks again about a kind that was found and is not where it was: at once, or after a pause that
  // grows with each question that brought nothing new.
  void Recheck(const kube::GroupVersionKind& kind) { Ask(kind, absl::ZeroDuration()); }
  void RecheckLater(const kube::GroupVersionKind& kind) { Ask(kind, mapper_.RetryDelay(kind)); }

  // From memory; asks when it is not known (any more).
  kube::RestMapper::Result Want(const kube::GroupVersionKind& kind);
  kube::RestMapper::Result Find(const kube::GroupVersionKind& kind) const {
    return mapper_.Find(kind);
  }

 private:
  void Ask(const kube::GroupVersionKind& kind, absl::Duration delay);
  void SendQuestion(const kube::GroupVersionKind& kind);

  runtime::Engine& engine_;
  runtime::ApiSender& api_;
  std::function<void()> changed_;
  kube::RestMapper mapper_;
  std::set<kube::GroupVersionKind> asking_;
  std::shared_ptr<Discovery*> self_;
};

}  // namespace kr::policy
