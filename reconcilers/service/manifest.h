#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

// How a Service has to look in the course of a recreation. Pure functions of the object.
namespace kr::service {

// The type that it has while it has no load balancer: NodePort, which keeps the node ports;
// ClusterIP for one that has none (allocateLoadBalancerNodePorts: false).
std::string_view TypeWithout(const nlohmann::json& service);

// What the API server drops of a Service, or refuses to let it keep, when it is no LoadBalancer:
// for Restored. An object.
nlohmann::json LoadBalancerFields(const nlohmann::json& service);

// The Service without its load balancer, as it is to be written.
nlohmann::json WithoutLoadBalancer(nlohmann::json service);

// The Service with its load balancer as `fields` (of LoadBalancerFields) say; what somebody else
// has changed of it meanwhile stays.
nlohmann::json Restored(nlohmann::json service, const nlohmann::json& fields);

// What of `fields` the Service has otherwise now: "healthCheckNodePort 30001 is 31002 now"; "" when
// all is as it was.
std::string Differences(const nlohmann::json& fields, const nlohmann::json& service);

// What is needed to make the Service again: without what the server, the controllers of load
// balancers, and kubectl write. Foreign finalizers and owner references are kept.
nlohmann::json Manifest(const nlohmann::json& service);

// The manifest under another name, with addresses and ports that are chosen anew.
nlohmann::json Renamed(nlohmann::json manifest, std::string_view name);
// Without node ports and the port of health checks; without cluster IPs: the server chooses.
nlohmann::json WithFreshPorts(nlohmann::json manifest);
nlohmann::json WithFreshAddress(nlohmann::json manifest);

}  // namespace kr::service
