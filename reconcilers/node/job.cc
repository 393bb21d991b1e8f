#include "reconcilers/node/job.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace kr::node {

using nlohmann::json;

json MakeJob(const crds::NodeTask& task, const JobOptions& options) {
  const json labels = {{std::string(crds::kNodeTaskLabel), task.metadata.name},
                       {"app.kubernetes.io/name", "kube-remedy-node-run"},
                       {"app.kubernetes.io/managed-by", "kube-remedy"}};
  json env = {
      {{"name", "NODE_NAME"}, {"valueFrom", {{"fieldRef", {{"fieldPath", "spec.nodeName"}}}}}}};
  if (const size_t colon = options.api_server.rfind(':'); colon != std::string::npos) {
    env.push_back(
        {{"name", "KUBERNETES_SERVICE_HOST"}, {"value", options.api_server.substr(0, colon)}});
    env.push_back(
        {{"name", "KUBERNETES_SERVICE_PORT"}, {"value", options.api_server.substr(colon + 1)}});
  }
  const json container = {{"name", "node-run"},
                          {"image", options.image},
                          {"imagePullPolicy", "IfNotPresent"},
                          {"args", {"node-run", "--task=" + task.metadata.name}},
                          {"env", env},
                          {"securityContext", {{"privileged", true}, {"runAsUser", 0}}},
                          {"resources", {{"requests", {{"cpu", "10m"}, {"memory", "16Mi"}}}}}};
  const json pod = {{"nodeName", task.spec.node.name},
                    {"hostPID", true},
                    {"hostNetwork", true},  // the pod network may be what is broken
                    {"dnsPolicy", "Default"},
                    {"restartPolicy", "Never"},
                    {"priorityClassName", "system-node-critical"},
                    {"serviceAccountName", options.service_account},
                    {"terminationGracePeriodSeconds", 5},
                    {"tolerations", {{{"operator", "Exists"}}}},
                    {"containers", {container}}};
  return {{"apiVersion", "batch/v1"},
          {"kind", "Job"},
          {"metadata",
           {{"name", task.metadata.name},
            {"namespace", options.name_space},
            {"labels", labels},
            {"ownerReferences",
             {{{"apiVersion", "kube-remedy.io/v1alpha1"},
               {"kind", "NodeTask"},
               {"name", task.metadata.name},
               {"uid", task.metadata.uid}}}}}},
          {"spec",
           {{"backoffLimit", 0},
            {"podReplacementPolicy", "Failed"},
            {"activeDeadlineSeconds", std::max<int64_t>(1, absl::ToInt64Seconds(options.deadline))},
            {"ttlSecondsAfterFinished", 600},
            {"template", {{"metadata", {{"labels", labels}}}, {"spec", pod}}}}}};
}

}  // namespace kr::node
