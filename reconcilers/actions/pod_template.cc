#include "reconcilers/actions/pod_template.h"

#include <nlohmann/json.hpp>

#include "reconcilers/actions/change.h"

namespace kr::actions {
namespace {

// An empty list when it is missing.
const nlohmann::json& Containers(const nlohmann::json& object) {
  static const nlohmann::json none = nlohmann::json::array();
  const nlohmann::json* containers = Find(object, {"spec", "template", "spec", "containers"});
  return containers != nullptr && containers->is_array() ? *containers : none;
}

}  // namespace

bool HasPodTemplate(const kube::GroupVersionKind& gvk) {
  return gvk.group == "apps" &&
         (gvk.kind == "DaemonSet" || gvk.kind == "Deployment" || gvk.kind == "StatefulSet");
}

const nlohmann::json* FindContainer(const nlohmann::json& object, std::string_view container) {
  for (const nlohmann::json& candidate : Containers(object)) {
    if (FindText(candidate, {"name"}) == container) return &candidate;
  }
  return nullptr;
}

std::vector<std::string> ContainerNames(const nlohmann::json& object) {
  std::vector<std::string> names;
  for (const nlohmann::json& container : Containers(object)) {
    names.push_back(FindText(container, {"name"}));
  }
  return names;
}

EnvEntry FindEnv(const nlohmann::json& container, std::string_view name) {
  EnvEntry found;
  const nlohmann::json* env = Find(container, {"env"});
  if (env == nullptr || !env->is_array()) return found;
  for (const nlohmann::json& entry : *env) {
    if (FindText(entry, {"name"}) != name) continue;
    found.entry = &entry;
    ++found.times;
  }
  return found;
}

bool HoldsLiterally(const nlohmann::json* entry, std::string_view value) {
  return entry != nullptr && Find(*entry, {"valueFrom"}) == nullptr &&
         FindText(*entry, {"value"}) == value;
}

}  // namespace kr::actions
