#include "reconcilers/service/load_balancer.h"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "crds/meta/json_find.h"
#include "crds/meta/time.h"

namespace kr::service {
namespace {

using crds::Find;
using crds::FindText;
using nlohmann::json;

// Exactly these, and of the last ones (GKE's, one for each generation) every version.
constexpr std::array<std::string_view, 3> kCleanup = {
    "service.kubernetes.io/load-balancer-cleanup",  // the shared service controller
    "service.k8s.aws/resources",                    // AWS Load Balancer Controller
    "service.k8s.alibaba/resources",                // Alibaba's
};
constexpr std::array<std::string_view, 2> kCleanupPrefixes = {
    "gke.networking.io/l4-netlb-v",
    "gke.networking.io/l4-ilb-v",
};

constexpr std::array<std::string_view, 2> kAlibabaPrefixes = {
    "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-",
    "service.beta.kubernetes.io/alicloud-loadbalancer-",
};

const json& Finalizers(const json& service) {
  static const json none = json::array();
  const json* finalizers = Find(service, {"metadata", "finalizers"});
  return finalizers != nullptr && finalizers->is_array() ? *finalizers : none;
}

// The newest time at which a manager wrote a field; `fields` as fieldsV1 names them.
std::optional<absl::Time> WrittenAt(const json& service, std::string_view manager,
                                    std::initializer_list<std::string_view> fields) {
  std::optional<absl::Time> newest;
  const json* entries = Find(service, {"metadata", "managedFields"});
  for (const json& entry : entries != nullptr ? *entries : json::array()) {
    if (!manager.empty() && FindText(entry, {"manager"}) != manager) continue;
    const json* written = Find(entry, {"fieldsV1"});
    if (written == nullptr || Find(*written, fields) == nullptr) continue;
    const auto time = crds::ParseTime(FindText(entry, {"time"}));
    if (time && (!newest || *time > *newest)) newest = time;
  }
  return newest;
}

}  // namespace

std::string Addresses(const json& service) {
  std::string text;
  const json* ingress = Find(service, {"status", "loadBalancer", "ingress"});
  for (const json& entry : ingress != nullptr ? *ingress : json::array()) {
    for (const char* field : {"ip", "hostname"}) {
      const std::string address = FindText(entry, {field});
      if (!address.empty()) text += (text.empty() ? "" : ", ") + address;
    }
  }
  return text;
}

bool IsCleanupFinalizer(std::string_view finalizer) {
  return std::ranges::count(kCleanup, finalizer) > 0 ||
         std::ranges::any_of(kCleanupPrefixes, [&](std::string_view prefix) {
           return finalizer.starts_with(prefix);
         });
}

bool HasCleanupFinalizer(const json& service) {
  return std::ranges::any_of(Finalizers(service), [](const json& name) {
    return name.is_string() && IsCleanupFinalizer(name.get_ref<const std::string&>());
  });
}

std::string ForeignFinalizers(const json& service) {
  std::string text;
  for (const json& name : Finalizers(service)) {
    if (!name.is_string() || IsCleanupFinalizer(name.get_ref<const std::string&>())) continue;
    text += (text.empty() ? "" : ", ") + name.get<std::string>();
  }
  return text;
}

std::string SharedBy(const json& service) {
  for (const std::string_view prefix : kAlibabaPrefixes) {
    for (const std::string_view setting : {"id", "force-override-listeners"}) {
      const std::string name = std::string(prefix).append(setting);
      const std::string value = FindText(service, {"metadata", "annotations", name});
      if (!value.empty() && value != "false") return name;
    }
  }
  return "";
}

std::string RemainsOfLoadBalancer(const json& service) {
  std::string text;
  for (const json& name : Finalizers(service)) {
    if (!name.is_string() || !IsCleanupFinalizer(name.get_ref<const std::string&>())) continue;
    text += (text.empty() ? "held by " : ", ") + name.get<std::string>();
  }
  const std::string addresses = Addresses(service);
  if (!addresses.empty()) text += (text.empty() ? "" : ", and ") + ("it still has " + addresses);
  return text;
}

std::optional<absl::Time> AddressChangedAt(const json& service) {
  return WrittenAt(service, "", {"f:status", "f:loadBalancer"});
}

std::optional<absl::Time> TypeSetAt(const json& service, std::string_view manager) {
  return WrittenAt(service, manager, {"f:spec", "f:type"});
}

}  // namespace kr::service
