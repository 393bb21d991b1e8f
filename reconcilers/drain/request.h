#pragma once

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "controller/kube/http.h"
#include "controller/kube/resource.h"

// The requests of a drain. Each one that removes carries the pod's UID: a successor has its name.
namespace kr::drain {

kube::Resource PodResource();

kube::HttpRequest EvictRequest(const kube::ObjectKey& pod, const std::string& uid,
                               std::optional<int64_t> grace_seconds,
                               std::optional<absl::Duration> server_timeout);
kube::HttpRequest DeleteRequest(const kube::ObjectKey& pod, const std::string& uid,
                                std::optional<int64_t> grace_seconds,
                                std::optional<absl::Duration> server_timeout);
// Live lists: of a node's pods, and of those that a selector finds.
kube::HttpRequest ListPodsOn(const std::string& node, bool metadata_only = false);
kube::HttpRequest ListPods(const std::string& name_space, const std::string& label_selector);

}  // namespace kr::drain
