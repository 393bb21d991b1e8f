#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/time/time.h"
#include "controller/base/clock.h"
#include "controller/base/status.h"
#include "controller/document/document.h"
#include "controller/runtime/api_sender.h"
#include "controller/runtime/engine.h"
#include "reconcilers/limits/lineage.h"

namespace kr::remediation {

// Who is at the top of a pod's chain of controllers. What stands between a pod and the object that
// a person made is replaced with every version of it (ReplicaSet, ReplicationController, Job), so
// its UID says nothing lasting. Who controls one of those is read from the API server when a pod of
// it is about to be acted upon, and remembered; for healthy pods nothing is read and kept, and no
// watch is needed. Any other controller is taken for the top: it outlives its pods.
//
// Engine thread only.
class PodOwners {
 public:
  // Called when Find can say something new to who has asked (Learn).
  using Learned = std::function<void(const std::string& asker)>;

  // References outlive it. A reading takes `timeout` at most; after one that failed the next is
  // tried `retry` later.
  PodOwners(runtime::Engine& engine, runtime::ApiSender& api, absl::Duration timeout,
            absl::Duration retry, Learned learned);

  // The owners of `pod` as far as is known; an error when it is not: Unavailable while the answer
  // is awaited, or why the last reading failed. After an error of Find, Learn asks.
  StatusOr<limits::PodOwners> Find(const document::Document& pod) const;
  // Reads what Find does not know and tells `asker` (a policy's UID). False: the last reading
  // failed, and the next is not due yet; the asker will be told when it is.
  bool Learn(const document::Document& pod, const std::string& asker);
  // Forgets what was read so long ago: controllers go, and may change hands.
  void Forget(absl::Duration older_than);
  size_t size() const { return known_.size(); }

 private:
  struct Entry {
    StatusOr<std::string> top_uid;
    MonotonicTime read_at;
    bool reading = false;
    std::set<std::string> askers;  // to be told
  };
  void OnRead(const std::string& uid, const std::string& text, StatusOr<kube::Reply> reply);
  void Tell(const std::set<std::string>& askers) const;

  runtime::Engine& engine_;
  runtime::ApiSender& api_;
  const absl::Duration timeout_;
  const absl::Duration retry_;
  const Learned learned_;
  std::map<std::string, Entry> known_;  // by UID of the pod's controller
  std::shared_ptr<PodOwners*> self_;
};

}  // namespace kr::remediation
