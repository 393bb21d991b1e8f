#pragma once

#include <compare>
#include <string>
#include <string_view>

namespace kr::kube {

// What a policy names: apiVersion and kind.
struct GroupVersionKind {
  std::string group;  // "" for core
  std::string version;
  std::string kind;

  static GroupVersionKind FromApiVersion(std::string_view api_version, std::string_view kind);
  std::string ApiVersion() const;  // "apps/v1", "v1"
  friend auto operator<=>(const GroupVersionKind&, const GroupVersionKind&) = default;
};

// Whose content is shown to nobody, and watched and logged only when somebody names it.
inline bool IsSecret(const GroupVersionKind& gvk) {
  return gvk.group.empty() && gvk.kind == "Secret";
}

// What a URL needs: found by discovery.
struct Resource {
  GroupVersionKind gvk;
  std::string plural;
  bool namespaced = true;
  friend auto operator<=>(const Resource&, const Resource&) = default;
};

// One object. `name_space` is "" for cluster-scoped kinds.
struct ObjectKey {
  std::string name_space;
  std::string name;
  std::string ToString() const { return name_space.empty() ? name : name_space + "/" + name; }
  friend auto operator<=>(const ObjectKey&, const ObjectKey&) = default;
};

}  // namespace kr::kube
