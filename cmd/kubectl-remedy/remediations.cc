#include "cmd/kubectl-remedy/remediations.h"

#include <ostream>
#include <utility>

#include "crds/v1alpha1/codec.h"
#include "reconcilers/remediation/resources.h"

namespace kr::cmd {

StatusOr<Remediations> ListRemediations(Cluster& cluster, Console& console) {
  KR_ASSIGN_OR_RETURN(std::vector<nlohmann::json> objects,
                      cluster.List(remediation::RemediationResource()));
  Remediations result;
  for (nlohmann::json& object : objects) {
    auto remediation = crds::FromJson<crds::Remediation>(object);
    if (!remediation.ok()) {
      console.err << "warning: a Remediation cannot be read: " << Message(remediation.status())
                  << "\n";
      continue;
    }
    result.parsed.push_back(*std::move(remediation));
    result.objects.push_back(std::move(object));
  }
  return result;
}

}  // namespace kr::cmd
