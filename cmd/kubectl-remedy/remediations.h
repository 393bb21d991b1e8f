#pragma once

#include <vector>

#include <nlohmann/json.hpp>

#include "cmd/kubectl-remedy/cluster.h"
#include "cmd/kubectl-remedy/command.h"
#include "crds/v1alpha1/remediation.h"

namespace kr::cmd {

// The cluster's Remediations: as the server has them and as they are understood, in the same order.
struct Remediations {
  std::vector<nlohmann::json> objects;
  std::vector<crds::Remediation> parsed;
};

// One that cannot be understood (a newer version wrote it) is left out with a warning: it must not
// hide the others.
StatusOr<Remediations> ListRemediations(Cluster& cluster, Console& console);

}  // namespace kr::cmd
