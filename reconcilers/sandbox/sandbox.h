#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/time/time.h"
#include "reconcilers/remediation/controller.h"
#include "reconcilers/sandbox/object_store.h"

namespace kr::sandbox {

// The whole controller, by itself in one thread, on objects that are given to it: what would it do?
// It is the code that acts in a cluster, so what it says here it does there. It keeps what it
// writes about itself; nothing that it does reaches a cluster. Time passes only as far as it is
// told to.
class Sandbox {
 public:
  struct Options {
    absl::Time now;
    // Where everything comes from that was not put in: see ObjectStore. A controller that comes to
    // a cluster for a look cannot know what the one at work has got to know over time: signals that
    // rest on that are Unknown and say so. Without one, all that ever was happens in here.
    ObjectStore::Upstream upstream;
  };
  explicit Sandbox(Options options);
  ~Sandbox();

  ObjectStore& objects();

  // Begins to act; before that it only evaluates. Policies that are put in should be of mode
  // Observe.
  void Lead();
  // Until nothing more happens at this time.
  void Run();
  // And lets time pass.
  void Advance(absl::Duration duration);
  absl::Time now() const;

  // The policies as they were compiled, and why not.
  const policy::Policies& policies() const;
  const policy::Watches& watches() const;

  // What is known of a target: the state of each trigger and signal, now.
  struct Reading {
    policy::Evaluation evaluation;
    policy::Verdict cured;
  };
  // What happened until then has been dealt with by a remediation that this sandbox knows nothing
  // of.
  struct Answered {
    absl::Time events = absl::InfinitePast();
    absl::Time schedule = absl::InfinitePast();
  };
  // nullopt: the policy does not select such an object, or there is none.
  std::optional<Reading> Read(const policy::CompiledPolicy& policy, const kube::ObjectKey& key,
                              const Answered& answered) const;
  std::optional<Reading> Read(const policy::CompiledPolicy& policy,
                              const kube::ObjectKey& key) const {
    return Read(policy, key, Answered());
  }

 private:
  struct World;
  std::unique_ptr<World> world_;
};

}  // namespace kr::sandbox
