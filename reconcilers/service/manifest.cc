#include "reconcilers/service/manifest.h"

#include <algorithm>
#include <array>
#include <utility>

#include "crds/meta/json_find.h"
#include "reconcilers/service/load_balancer.h"

namespace kr::service {
namespace {

using crds::Find;
using crds::FindText;
using nlohmann::json;

// Refused by the server on a Service of another type, like spec.loadBalancerSourceRanges.
constexpr char kRangesAnnotation[] = "service.beta.kubernetes.io/load-balancer-source-ranges";

// Of spec: dropped by the server with the type, or refused without it.
constexpr std::array kFields = {
    "loadBalancerClass", "allocateLoadBalancerNodePorts", "loadBalancerSourceRanges",
    "loadBalancerIP",    "externalTrafficPolicy",         "healthCheckNodePort",
};

// Written by controllers about one load balancer; untrue of the next one.
constexpr std::array<std::string_view, 9> kStateAnnotations = {
    "service.kubernetes.io/backend-service",     "service.kubernetes.io/forwarding-rule",
    "service.kubernetes.io/tcp-forwarding-rule", "service.kubernetes.io/udp-forwarding-rule",
    "service.kubernetes.io/firewall-rule",       "service.kubernetes.io/firewall-rule-for-hc",
    "service.kubernetes.io/healthcheck",         "service.kubernetes.io/hc-forwarding-rule",
    "metallb.io/ip-allocated-from-pool",
};

json* Spec(json& service) {
  return &service["spec"];
}

std::string PortKey(const json& port) {
  return std::to_string(port.value("port", 0)) + "/" + port.value("protocol", "TCP");
}

bool HasNodePort(const json& service) {
  const json* ports = Find(service, {"spec", "ports"});
  return ports != nullptr && std::ranges::any_of(*ports, [](const json& port) {
           return port.value("nodePort", 0) != 0;
         });
}

}  // namespace

std::string_view TypeWithout(const json& service) {
  const json* allocate = Find(service, {"spec", "allocateLoadBalancerNodePorts"});
  const bool none = allocate != nullptr && *allocate == false && !HasNodePort(service);
  return none ? "ClusterIP" : "NodePort";
}

json LoadBalancerFields(const json& service) {
  json fields = json::object();
  for (const char* field : kFields) {
    if (const json* value = Find(service, {"spec", field})) fields[field] = *value;
  }
  const std::string ranges = FindText(service, {"metadata", "annotations", kRangesAnnotation});
  if (!ranges.empty()) fields["rangesAnnotation"] = ranges;
  json ports = json::object();
  if (const json* list = Find(service, {"spec", "ports"})) {
    for (const json& port : *list) ports[PortKey(port)] = port.value("nodePort", 0);
  }
  fields["nodePorts"] = std::move(ports);
  return fields;
}

json WithoutLoadBalancer(json service) {
  const std::string_view type = TypeWithout(service);
  json& spec = *Spec(service);
  spec["type"] = type;
  spec.erase("loadBalancerSourceRanges");
  if (Find(service, {"metadata", "annotations"}) != nullptr) {
    service["metadata"]["annotations"].erase(kRangesAnnotation);
  }
  return service;
}

json Restored(json service, const json& fields) {
  json& spec = *Spec(service);
  spec["type"] = "LoadBalancer";
  for (const char* field : kFields) {
    if (fields.contains(field)) spec[field] = fields[field];
  }
  if (fields.contains("rangesAnnotation")) {
    service["metadata"]["annotations"][kRangesAnnotation] = fields["rangesAnnotation"];
  }
  const json none = json::object();
  const json& ports = fields.contains("nodePorts") ? fields["nodePorts"] : none;
  if (!spec.contains("ports")) return service;
  for (json& port : spec["ports"]) {
    const auto before = ports.find(PortKey(port));
    if (before == ports.end()) continue;  // came since
    if (*before == 0) {
      port.erase("nodePort");
    } else {
      port["nodePort"] = *before;
    }
  }
  return service;
}

std::string Differences(const json& fields, const json& service) {
  const json now = LoadBalancerFields(service);
  std::string text;
  const auto compare = [&](const std::string& name, const json& was, const json& is) {
    if (was == is) return;
    text += (text.empty() ? "" : ", ") + name + " " + was.dump() + " is " + is.dump() + " now";
  };
  for (const char* field : kFields) {
    if (fields.contains(field)) compare(field, fields[field], now.value(field, json()));
  }
  const json none = json::object();
  const json& ports = fields.contains("nodePorts") ? fields["nodePorts"] : none;
  for (const auto& [port, was] : ports.items()) {
    if (now["nodePorts"].contains(port))
      compare("node port of " + port, was, now["nodePorts"][port]);
  }
  return text;
}

json Manifest(const json& service) {
  json manifest = {{"apiVersion", "v1"}, {"kind", "Service"}};
  json& metadata = manifest["metadata"];
  for (const char* field : {"name", "namespace", "labels", "annotations", "ownerReferences"}) {
    if (const json* value = Find(service, {"metadata", field})) metadata[field] = *value;
  }
  if (metadata.contains("annotations")) {
    for (const std::string_view key : kStateAnnotations) {
      metadata["annotations"].erase(std::string(key));
    }
  }
  if (const json* finalizers = Find(service, {"metadata", "finalizers"})) {
    json foreign = json::array();
    for (const json& name : *finalizers) {
      if (!IsCleanupFinalizer(name.get<std::string>())) foreign.push_back(name);
    }
    if (!foreign.empty()) metadata["finalizers"] = std::move(foreign);
  }
  if (const json* spec = Find(service, {"spec"})) manifest["spec"] = *spec;
  return manifest;
}

json Renamed(json manifest, std::string_view name) {
  manifest["metadata"]["name"] = name;
  manifest["metadata"].erase("finalizers");
  if (Find(manifest, {"metadata", "annotations"}) != nullptr) {
    manifest["metadata"]["annotations"].erase("kubectl.kubernetes.io/last-applied-configuration");
  }
  manifest["spec"].erase("externalIPs");
  return WithFreshAddress(WithFreshPorts(std::move(manifest)));
}

json WithFreshPorts(json manifest) {
  json& spec = manifest["spec"];
  spec.erase("healthCheckNodePort");
  if (spec.contains("ports")) {
    for (json& port : spec["ports"]) port.erase("nodePort");
  }
  return manifest;
}

json WithFreshAddress(json manifest) {
  // A headless Service is to stay one.
  if (FindText(manifest, {"spec", "clusterIP"}) == "None") return manifest;
  manifest["spec"].erase("clusterIP");
  manifest["spec"].erase("clusterIPs");
  return manifest;
}

}  // namespace kr::service
