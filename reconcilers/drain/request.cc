#include "reconcilers/drain/request.h"

#include <nlohmann/json.hpp>

#include "controller/kube/request.h"

namespace kr::drain {

kube::Resource PodResource() {
  return {{"", "v1", "Pod"}, "pods", true};
}

kube::HttpRequest EvictRequest(const kube::ObjectKey& pod, const std::string& uid,
                               std::optional<int64_t> grace_seconds,
                               std::optional<absl::Duration> server_timeout) {
  nlohmann::json eviction = {{"apiVersion", "policy/v1"},
                             {"kind", "Eviction"},
                             {"metadata", {{"name", pod.name}, {"namespace", pod.name_space}}},
                             {"deleteOptions", {{"preconditions", {{"uid", uid}}}}}};
  if (grace_seconds) eviction["deleteOptions"]["gracePeriodSeconds"] = *grace_seconds;
  kube::HttpRequest request = kube::UpdateObject(PodResource(), pod, "eviction", eviction,
                                                 {.server_timeout = server_timeout});
  request.method = "POST";
  return request;
}

kube::HttpRequest DeleteRequest(const kube::ObjectKey& pod, const std::string& uid,
                                std::optional<int64_t> grace_seconds,
                                std::optional<absl::Duration> server_timeout) {
  return kube::DeleteObject(PodResource(), pod, {.uid = uid, .grace_period_seconds = grace_seconds},
                            {.server_timeout = server_timeout});
}

kube::HttpRequest ListPodsOn(const std::string& node, bool metadata_only) {
  return kube::ListObjects(
      PodResource(), {.field_selector = "spec.nodeName=" + node, .metadata_only = metadata_only});
}

kube::HttpRequest ListPods(const std::string& name_space, const std::string& label_selector) {
  return kube::ListObjects(PodResource(),
                           {.name_space = name_space, .label_selector = label_selector});
}

}  // namespace kr::drain
