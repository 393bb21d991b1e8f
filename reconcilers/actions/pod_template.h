#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "controller/kube/resource.h"
#include "crds/v1alpha1/step.h"

// The environment of containers in a pod template, as the API shows it.
namespace kr::actions {

// Kinds with spec.template.spec.containers that roll out a change of it.
bool HasPodTemplate(const kube::GroupVersionKind& gvk);

// nullptr when there is no container of that name.
const nlohmann::json* FindContainer(const nlohmann::json& object, std::string_view container);
// All of them, in order.
std::vector<std::string> ContainerNames(const nlohmann::json& object);

// The entry of a variable in a container: nullptr when there is none. A name may stand there more
// than once (the kubelet takes the last); `times` tells.
struct EnvEntry {
  const nlohmann::json* entry = nullptr;
  int times = 0;
};
EnvEntry FindEnv(const nlohmann::json& container, std::string_view name);

// Whether the entry says exactly `value`, literally. The API leaves an empty value out.
bool HoldsLiterally(const nlohmann::json* entry, std::string_view value);

}  // namespace kr::actions
