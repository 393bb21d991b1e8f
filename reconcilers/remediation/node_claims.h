#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "controller/base/status.h"
#include "reconcilers/limits/reasons.h"
#include "reconcilers/policy/watches.h"

namespace kr::remediation {

// What other tools say of nodes in objects of their own: a NodeMaintenance of medik8s, the Lease
// with which medik8s' operators claim a node, the lock of kured. Watched while some policy acts on
// Nodes; a kind that the cluster does not have says nothing. (Marks on the Node itself are
// limits::ForeignMarks.)
class NodeClaims {
 public:
  // `medik8s_leases`: the namespace of those Leases.
  explicit NodeClaims(std::string medik8s_leases) : medik8s_leases_(std::move(medik8s_leases)) {}

  std::vector<policy::Watches::Extra> Needs() const;

  // ForeignMaintenance with the tool and the object when somebody claims the node; asks to be asked
  // again when a claim runs out. An error while that is not known.
  StatusOr<std::optional<limits::Refusal>> Find(const policy::Watches& watches,
                                                std::string_view node, absl::Time now) const;

 private:
  policy::Watches::Extra Leases() const;

  std::string medik8s_leases_;
};

}  // namespace kr::remediation
