#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "controller/cache/event_ring.h"
#include "reconcilers/policy/compiled_policy.h"
#include "reconcilers/signals/view.h"

namespace kr::policy {

// What Events said lately, per event source of a policy and object. Events are no state: they are
// counted as they come by and forgotten with their window. Engine thread only.
class EventLog {
 public:
  explicit EventLog(absl::Time process_start) : rings_(process_start) {}

  // Takes an Event that `source` of `policy` asks for; false when it does not, or when it says
  // nothing new.
  bool Add(const CompiledPolicy& policy, const EventSource& source, const cache::EventFacts& event,
           absl::Time now);
  // Evidence of an open remediation: what was seen before a restart stands for the rest of the
  // window.
  void Restore(const CompiledPolicy& policy, const crds::Evidence& evidence, absl::Time now);

  // The facts about one object within the source's window, only what happened after `since`.
  // count 0 when there is nothing.
  signals::EventFacts About(const CompiledPolicy& policy, const EventSource& source,
                            const crds::ObjectReference& object, absl::Time since,
                            absl::Time now) const;
  // All objects of a source of which something is known (for `about: {kind}`).
  std::vector<crds::ObjectReference> Objects(const CompiledPolicy& policy,
                                             const EventSource& source) const;

 private:
  cache::EventRings rings_;
};

}  // namespace kr::policy
