#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "absl/time/time.h"

// What a Service object says about its load balancer.
namespace kr::service {

// Of status.loadBalancer.ingress, "192.0.2.1, lb.example"; "" when there is none.
std::string Addresses(const nlohmann::json& service);

// Whether a load balancer controller holds the Service with that finalizer until the load balancer
// is gone.
bool IsCleanupFinalizer(std::string_view finalizer);
bool HasCleanupFinalizer(const nlohmann::json& service);

// Its other finalizers, "a, b": nobody here knows who takes them off. "" when there is none.
std::string ForeignFinalizers(const nlohmann::json& service);

// The annotation by which the Service uses a load balancer that others may use, too, or that its
// controller did not make (Alibaba's): another Service with it takes its listeners over. ""
// when there is none.
std::string SharedBy(const nlohmann::json& service);

// What is left of the load balancer: "held by service.kubernetes.io/load-balancer-cleanup"; "" when
// everything shows that it is gone.
std::string RemainsOfLoadBalancer(const nlohmann::json& service);

// When the address was written last, as metadata.managedFields has it, or a while later (another
// field of the status was written by the same manager); nullopt when the Service does not tell.
std::optional<absl::Time> AddressChangedAt(const nlohmann::json& service);

// When `manager` made the Service what it is now (set its type, or created it), or a while later;
// nullopt when the type is somebody else's.
std::optional<absl::Time> TypeSetAt(const nlohmann::json& service, std::string_view manager);

}  // namespace kr::service
