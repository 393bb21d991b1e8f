#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/runtime/api_sender.h"
#include "controller/runtime/engine.h"
#include "crds/v1alpha1/target_baseline.h"
#include "reconcilers/policy/compiled_policy.h"
#include "reconcilers/signals/baselines.h"

namespace kr::remediation {

// Writes TargetBaselines: what is recorded holds at once in memory (signals::Baselines), and is
// written soon, a few objects at a time. A trigger that has just begun to hold is not worth a write
// until it has held for a minute. Engine thread only; records only while it is the leader's.
class BaselineKeeper {
 public:
  struct Options {
    absl::Duration write_timeout = absl::Seconds(5);
    absl::Duration retry = absl::Seconds(5);
    absl::Duration worth_writing = absl::Minutes(1);  // how long a trigger holds before
  };

  // References outlive it.
  BaselineKeeper(const Options& options, runtime::Engine& engine, runtime::ApiSender& api,
                 signals::Baselines& known);

  void Start() { leading_ = true; }
  void Stop();

  // These values are what `changed` compares with from now on, those of other triggers stay.
  void Record(const policy::CompiledPolicy& policy, const crds::ObjectReference& target,
              std::vector<crds::BaselineValue> values);
  // All triggers with a long `for` that hold now.
  void RecordHolding(const policy::CompiledPolicy& policy, const crds::ObjectReference& target,
                     std::vector<crds::BaselineHold> holding);
  // Policy or target is gone.
  void Drop(const crds::TargetBaseline& baseline);

  // From the watch; `after` is absent when the object is gone. True when what signals compare with
  // is another thing now than they knew.
  bool OnObject(const std::optional<crds::TargetBaseline>& before,
                const std::optional<crds::TargetBaseline>& after);

 private:
  struct Write {
    crds::TargetBaseline wanted;
    MonotonicTime due;
    bool remove = false;
    bool under_way = false;
    bool again = false;  // it was changed meanwhile
  };
  static constexpr size_t kAtOnce = 4;

  crds::TargetBaseline Present(const policy::CompiledPolicy& policy,
                               const crds::ObjectReference& target) const;
  void Want(crds::TargetBaseline wanted, absl::Duration delay, bool remove = false);
  void Pump();
  void Send(const std::string& name);
  void OnReply(const std::string& name, StatusOr<kube::Reply> reply);

  const Options options_;
  runtime::Engine& engine_;
  runtime::ApiSender& api_;
  signals::Baselines& known_;
  bool leading_ = false;
  std::map<std::string, Write> writes_;                // by name of the object
  std::map<std::string, crds::ObjectMeta> on_server_;  // as the watch or an answer said last
  size_t under_way_ = 0;
  runtime::TimerId timer_{};
  std::shared_ptr<BaselineKeeper*> self_;
};

}  // namespace kr::remediation
