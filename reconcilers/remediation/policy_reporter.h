#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "controller/runtime/api_sender.h"
#include "controller/runtime/engine.h"
#include "crds/v1alpha1/remediation_policy.h"

namespace kr::remediation {

// Keeps the status of policies current: what it is comes from `status`, asked when something may
// have changed; written only when it differs, at most every `interval` per policy. Derived data:
// a write that fails is simply made again. Engine thread only.
class PolicyReporter {
 public:
  struct Options {
    absl::Duration interval = absl::Seconds(5);
    absl::Duration write_timeout = absl::Seconds(5);
  };
  // The policy as it is on the server, and the status that it should have. nullopt: there is no
  // such policy, or this process does not lead.
  struct Wanted {
    crds::RemediationPolicy object;
    crds::RemediationPolicyStatus status;
  };
  using Source = std::function<std::optional<Wanted>(const std::string& policy_uid)>;

  PolicyReporter(Options options, runtime::Engine& engine, runtime::ApiSender& api, Source source);
  ~PolicyReporter();

  // The first report of a policy goes out at once, the next after the interval.
  void Touch(const std::string& policy_uid);
  void Forget(const std::string& policy_uid);

 private:
  struct Policy {
    bool scheduled = false;
    bool writing = false;
    bool again = false;
    std::optional<MonotonicTime> last;
  };
  void Schedule(const std::string& policy_uid, Policy& policy);
  void Write(const std::string& policy_uid);

  const Options options_;
  runtime::Engine& engine_;
  runtime::ApiSender& api_;
  const Source source_;
  std::map<std::string, Policy> policies_;
  std::shared_ptr<PolicyReporter*> self_;
};

}  // namespace kr::remediation
