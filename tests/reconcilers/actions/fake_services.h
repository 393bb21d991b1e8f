#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace kr::actions {

// What the API server makes of a Service that is written, as far as recreations feel it: seen on a
// real one. False: it refuses (422), and says why.
class FakeServiceRules {
 public:
  int next_port = 30000;
  std::string next_ip = "10.96.0.10";
  std::vector<int> taken = {};          // ports that others have
  std::string taken_ip = {};            // the cluster IP that another has
  std::string refuses_to_make_it = {};  // why, for a reason of its own

  // `before` is null for a new Service.
  bool Admit(const nlohmann::json& before, nlohmann::json& after, std::string& why) {
    using nlohmann::json;
    json& spec = after["spec"];
    const json old = before.is_null() ? json::object() : before["spec"];
    if (before.is_null() && !refuses_to_make_it.empty()) {
      why = refuses_to_make_it;
      return false;
    }
    if (before.is_null() && !taken_ip.empty() && spec.value("clusterIP", "") == taken_ip) {
      why = "failed to allocate IP " + taken_ip + ": provided IP is already allocated";
      return false;
    }
    const auto local = [](const json& s) {
      return s.value("type", "") == "LoadBalancer" &&
             s.value("externalTrafficPolicy", "") == "Local";
    };
    const bool is = spec.value("type", "ClusterIP") == "LoadBalancer";
    const bool was = old.value("type", "ClusterIP") == "LoadBalancer";
    const bool annotated = after["metadata"].value("annotations", json::object()).contains(kRanges);
    if (!is && (spec.contains("loadBalancerSourceRanges") || annotated)) {
      why = "may only be used when `type` is 'LoadBalancer'";
      return false;
    }
    if (is && was && spec.value("loadBalancerClass", "") != old.value("loadBalancerClass", "")) {
      why = "spec.loadBalancerClass: may not change once set";
      return false;
    }
    if (!is) {
      for (const char* field : {"loadBalancerClass", "allocateLoadBalancerNodePorts"}) {
        spec.erase(field);
      }
    }
    if (!local(spec)) {
      spec.erase("healthCheckNodePort");
    } else if (!spec.contains("healthCheckNodePort")) {
      spec["healthCheckNodePort"] = next_port++;
    } else if (IsTaken(spec["healthCheckNodePort"], why)) {
      return false;
    }
    const std::string type = spec.value("type", "ClusterIP");
    const bool ports =
        type == "NodePort" || (is && spec.value("allocateLoadBalancerNodePorts", true));
    if (spec.contains("ports")) {
      for (json& port : spec["ports"]) {
        if (type == "ClusterIP") port.erase("nodePort");
        if (port.contains("nodePort") && IsTaken(port["nodePort"], why)) return false;
        if (ports && !port.contains("nodePort")) port["nodePort"] = next_port++;
      }
    }
    if (type == "ClusterIP") spec.erase("externalTrafficPolicy");
    if (!spec.contains("clusterIP")) spec["clusterIP"] = next_ip;
    return true;
  }

  static constexpr char kRanges[] = "service.beta.kubernetes.io/load-balancer-source-ranges";

 private:
  bool IsTaken(int port, std::string& why) const {
    if (std::ranges::count(taken, port) == 0) return false;
    why = std::to_string(port) + ": provided port is already allocated";
    return true;
  }
};

// A load balancer controller: its finalizer, its status, and all load balancers it ever made.
class FakeCloud {
 public:
  bool never_deletes = false;
  struct LoadBalancer {
    std::string service, uid, address;
    nlohmann::json made_with;  // annotations
    bool gone = false;
  };
  std::vector<LoadBalancer> made;
  size_t most_at_once = 0;  // of one Service

  // What the controller makes of the Service; true when it changed. An object that is going and has
  // no finalizer left is for the caller to remove.
  bool Work(nlohmann::json& service) {
    using nlohmann::json;
    json& metadata = service["metadata"];
    json finalizers = metadata.value("finalizers", json::array());
    const auto held = std::find(finalizers.begin(), finalizers.end(), json(kFinalizer));
    const bool wanted = service["spec"].value("type", "") == "LoadBalancer" &&
                        !metadata.contains("deletionTimestamp");
    const json before = service;
    if (!wanted) {
      if (held == finalizers.end() || never_deletes) return false;
      for (LoadBalancer& lb : made) lb.gone = lb.gone || lb.uid == metadata["uid"];
      finalizers.erase(held);
      metadata["finalizers"] = finalizers;
      service["status"]["loadBalancer"] = json::object();
      return true;
    }
    if (held == finalizers.end()) finalizers.push_back(kFinalizer);
    metadata["finalizers"] = finalizers;
    LoadBalancer* found = nullptr;
    for (LoadBalancer& lb : made) {
      if (!lb.gone && lb.uid == metadata["uid"]) found = &lb;
    }
    if (found == nullptr) {
      const std::string name = metadata.value("name", "");
      made.push_back({name, metadata["uid"], "192.0.2." + std::to_string(made.size() + 1),
                      metadata.value("annotations", json::object()), false});
      found = &made.back();
      size_t live = 0;
      for (const LoadBalancer& lb : made) live += !lb.gone && lb.service == name ? 1 : 0;
      most_at_once = std::max(most_at_once, live);
    }
    service["status"]["loadBalancer"] = {{"ingress", {{{"ip", found->address}}}}};
    return service != before;
  }

  static constexpr char kFinalizer[] = "service.kubernetes.io/load-balancer-cleanup";
};

}  // namespace kr::actions
