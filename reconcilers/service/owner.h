#pragma once

#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace kr::service {

// Somebody who writes the Service from elsewhere, and would put back what is changed of it, or make
// it anew while it is gone.
struct Owner {
  std::string who;   // "Argo CD (tracking-id shop:v1/Service:net/web)"
  std::string what;  // what a person can do there
};

// By the marks that Argo CD, Flux, Helm, OLM and the addon manager leave; nullopt when there is
// none, or the Service carries kAllowAnnotation.
std::optional<Owner> FindOwner(const nlohmann::json& service);

// "true" on a Service: it may be recreated although somebody else owns it, because that one is
// paused, or does not mind; and deleted although somebody else's finalizer is on it, because that
// one takes it off.
inline constexpr char kAllowAnnotation[] = "kube-remedy.io/allow-recreation";

}  // namespace kr::service
