#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/functional/any_invocable.h"
#include "reconcilers/policy/evaluate.h"
#include "reconcilers/remediation/environment.h"
#include "reconcilers/signals/leases.h"

namespace kr::remediation {

// What the API server says about a target right now: the object itself and one list per join whose
// objects decide. Nothing may be written on the word of a cache alone (a watch can be seconds or
// minutes behind without knowing it).
struct LiveState {
  nlohmann::json target;  // null: gone
  // The same, projected as in the cache; the empty place of a target that may be absent.
  document::DocumentPtr document;
  // Per join of the policy; an error: cannot be known (the join it starts from has too many).
  std::vector<StatusOr<std::vector<document::DocumentPtr>>> related;
  // The leases that triggers rest on, by namespace and name: renewTime; nullopt: no such lease.
  std::map<std::pair<std::string, std::string>, std::optional<std::string>> leases;
};

// The first of those leases that the cache shows otherwise than the server, and as one that is not
// renewed any more: "lease kube-node-lease/n1"; "": none. A lease that is fresh in the cache and
// was renewed since is none.
std::string LeaseBehind(const LiveState& live, const signals::Leases& cached);

// Reads it. `done` runs on the engine thread, once; not at all when the returned handle is
// destroyed first.
class LiveRead {
 public:
  using Done = absl::AnyInvocable<void(StatusOr<LiveState>)>;
  static std::unique_ptr<LiveRead> Start(Services& services, const World& world,
                                         policy::CompiledPolicyPtr policy, kube::ObjectKey key,
                                         Done done);
  virtual ~LiveRead() = default;
};

// A target's surroundings as read live; Events still come from memory (they are no state that could
// be read again).
class LiveSurroundings final : public policy::Surroundings {
 public:
  LiveSurroundings(const LiveState& live, const policy::CompiledPolicy& policy,
                   const policy::Surroundings& cached)
      : live_(live), policy_(policy), cached_(cached) {}
  StatusOr<std::vector<document::DocumentPtr>> Related(
      size_t join, const document::Document& target) const override;
  StatusOr<std::vector<signals::EventFacts>> Events(size_t source, const document::Document& target,
                                                    int64_t enough,
                                                    absl::Time since) const override;
  const signals::Past& Past() const override { return cached_.Past(); }

 private:
  const LiveState& live_;
  const policy::CompiledPolicy& policy_;
  const policy::Surroundings& cached_;
};

}  // namespace kr::remediation
