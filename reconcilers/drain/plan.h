#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "crds/meta/object_meta.h"
#include "crds/v1alpha1/step.h"
#include "reconcilers/drain/answer.h"
#include "reconcilers/drain/classify.h"
#include "reconcilers/drain/cluster.h"
#include "reconcilers/drain/limits.h"

namespace kr::drain {

// The last answer about a pod, and how many of the same kind there were in a row.
struct Tried {
  Answer answer;
  absl::Time at;
  int64_t times = 1;
  bool removal = false;  // asked for by deletion, not by eviction
};

// The pod with a volume that this drain has evicted last.
struct Moved {
  std::vector<kube::ObjectKey> claims;  // whose volumes were attached to the node
  absl::Time at;
};

// Everything that a drain decides by. Nothing of it is kept between two decisions but what a status
// or the server says, so that a restart is nothing special.
struct Situation {
  const crds::Drain& rules;
  const Cluster& cluster;
  std::string node, node_uid;
  std::string self;            // the Remediation
  std::string own_pod_uid;     // of the process that drains; "" outside of the cluster
  bool approved = false;       // a person said yes to this rung
  bool control_plane = false;  // the policy means nodes of the control plane, too
  absl::Time started;          // of the step
  absl::Time now;
  // UIDs of pods that this drain has got rid of, or has asked to go; with their keys.
  std::map<std::string, kube::ObjectKey> evicted = {};
  std::map<std::string, Tried> answers = {};  // by UID; of this process
  // How many pods owners want, by UID; of those that were asked a moment ago.
  std::map<std::string, int64_t, std::less<>> wants = {};
  Moved moved = {};
  // Owners of operators' own kinds whose pods it has evicted: UID to text.
  std::map<std::string, std::string> operated = {};
  // UIDs of DaemonSets that are gone although they have pods on the node.
  std::set<std::string, std::less<>> orphaned = {};
};

// One pod of the node: what becomes of it.
struct Line {
  enum class Fate {
    kStays,
    kGoes,
    kWaits,      // it is leaving already
    kCompletes,  // it is waited for: it will have completed some time
  };
  const Pod* pod = nullptr;
  Kind kind = Kind::kStateless;
  Fate fate = Fate::kStays;
  std::string why;              // it stays; or what is lost with it
  std::vector<std::string> to;  // where it could go
  bool more = false;            // and other nodes
  std::optional<Block> block;   // what holds it back now
  bool serial = false;          // its volume has to be detached before another pod goes
  bool last = false;            // only when everything else is gone
  bool left = false;            // it stays although a complete drain would move it

  // What becomes of it: "evict", "stays: it belongs to DaemonSet net/calico-node"...
  std::string Text() const;
  // ...and what may be another thing a moment later: "could go to n3, n4 or others", what holds it
  // back.
  std::string Message() const;
};

// All pods of the node, in the order in which they go. `best_effort`: the node is not ready, so
// what is evicted may never be seen to end: only what can be started elsewhere meanwhile goes.
struct Plan {
  std::vector<Line> lines;
  bool best_effort = false;
  std::string missing_room;  // for the pods of all open drains together; "" = there is enough

  // What a person or the policy would have to change first: a drain that has begun nothing does
  // not begin.
  std::vector<const Line*> Refused() const;
};
Plan MakePlan(const Situation& situation);

}  // namespace kr::drain
