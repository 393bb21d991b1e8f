#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "controller/runtime/api_sender.h"
#include "controller/runtime/engine.h"
#include "crds/v1alpha1/remediation.h"

namespace kr::remediation {

// Takes the effects finalizer off Remediations that are over. A refusal is answered with a pause
// that grows: what is known of a Remediation may be behind for long, and asking again and again is
// what keeps it behind. Engine thread only.
class FinalizerRelease {
 public:
  struct Options {
    absl::Duration write_timeout = absl::Seconds(5);
    absl::Duration retry_initial = absl::Milliseconds(500);
    absl::Duration retry_max = absl::Seconds(30);
  };
  // The newest that is known; null: there is none.
  using Find = std::function<const crds::Remediation*(std::string_view name)>;
  // It is off, and this is what the server has now, of which the watch may tell much later.
  using Released = std::function<void(const crds::Remediation& remediation)>;

  // References outlive it.
  FinalizerRelease(const Options& options, runtime::Engine& engine, runtime::ApiSender& api,
                   Find find, Released released);

  // Nothing happens to one that is not over, holds something, or has no such finalizer. Only while
  // leading.
  void Release(const crds::Remediation& remediation);
  // Nothing is sent any more.
  void Stop() { pauses_.clear(); }

 private:
  void Send(const crds::Remediation& remediation);
  void OnReply(const std::string& name, StatusOr<kube::Reply> reply);
  void Again(const std::string& name);

  const Options options_;
  runtime::Engine& engine_;
  runtime::ApiSender& api_;
  const Find find_;
  const Released released_;
  std::map<std::string, absl::Duration> pauses_;  // by name, of those under way: the next one
  std::shared_ptr<FinalizerRelease*> self_;
};

}  // namespace kr::remediation
