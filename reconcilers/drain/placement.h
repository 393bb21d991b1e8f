#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reconcilers/drain/cluster.h"

// Where a pod could go: what the scheduler would say, as far as it is lasting. Nodes that are full
// now may have room later, so room is asked for separately.
namespace kr::drain {

// Whether a node's labels (and its name) satisfy one of the terms.
bool Matches(const NodeTerms& terms, const Node& node);
// Whether the pod may be scheduled to, and stay on, a node with these taints.
bool Tolerates(const PodSpec& spec, const Node& node);
// Whether the pod may be bound to a node that is cordoned: then a cordon does not keep it away.
bool ToleratesCordon(const PodSpec& spec);

struct Reach {
  std::vector<std::string> nodes;  // the first few that would take it
  bool more = false;               // and others
  std::string why_not;             // when there is none: what stands against how many
  std::string volume;              // then: the volume that ties it to its node, "" = none does
};
// Of all nodes but the one that it is on. `at_most`: so many are enough to know.
Reach WhereTo(const Pod& pod, const Cluster& cluster, size_t at_most = 3);

// Whether one of the nodes that would take it has room for what it asks for, now.
bool HasRoom(const Pod& pod, const Cluster& cluster);

// What is missing so that `going`, and the pods of all other nodes that are being drained, find
// room beside `node` together: "4.5 cpu"; "" when there is enough. Counted as a sum over all nodes,
// and over those (of a zone, for instance) that can have a volume: what fits as a sum may not fit
// piece by piece, but what does not leaves Pending pods for certain.
std::string MissingRoom(const std::string& node, std::span<const Pod* const> going,
                        const Cluster& cluster);

}  // namespace kr::drain
