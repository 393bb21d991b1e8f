#include "cmd/kubectl-remedy/target_argument.h"

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"

namespace kr::cmd {

StatusOr<TargetArgument> TargetArgument::Parse(const std::string& text) {
  const size_t slash = text.find('/');
  if (slash == std::string::npos) return TargetArgument{"", text};
  TargetArgument argument{text.substr(0, slash), text.substr(slash + 1)};
  if (argument.kind.empty() || argument.name.empty() ||
      argument.name.find('/') != std::string::npos) {
    return InvalidArgument(
        "expected kind/name such as daemonset/calico-node (the namespace is "
        "given with -n), found \"" +
        text + "\"");
  }
  return argument;
}

bool TargetArgument::Means(std::string_view other_kind) const {
  if (kind.empty()) return true;
  const std::string other(other_kind);
  return absl::EqualsIgnoreCase(kind, other) || absl::EqualsIgnoreCase(kind, other + "s") ||
         absl::EqualsIgnoreCase(kind, other + "es") ||
         (other.ends_with('y') &&
          absl::EqualsIgnoreCase(kind, other.substr(0, other.size() - 1) + "ies"));
}

StatusOr<crds::ObjectReference> FindTarget(Cluster& cluster, const crds::Target& policy,
                                           const TargetArgument& argument,
                                           const std::string& name_space) {
  const crds::TargetKind* found = nullptr;
  const std::vector<crds::TargetKind> kinds = policy.Kinds();
  std::string names;
  for (const crds::TargetKind& kind : kinds) {
    names += (names.empty() ? "" : ", ") + kind.kind;
    if (!argument.Means(kind.kind)) continue;
    if (found != nullptr) {
      return InvalidArgument("\"" + argument.name + "\" may be of several kinds (" + names +
                             "): write kind/name");
    }
    found = &kind;
  }
  if (found == nullptr) {
    return InvalidArgument("the policy is about " + names + ", not about \"" + argument.kind +
                           "\"");
  }
  KR_ASSIGN_OR_RETURN(
      const kube::Resource resource,
      cluster.Resolve(kube::GroupVersionKind::FromApiVersion(found->api_version, found->kind)));
  crds::ObjectReference ref{.api_version = found->api_version, .kind = found->kind};
  ref.name = argument.name;
  if (resource.namespaced) ref.name_space = name_space.empty() ? cluster.name_space() : name_space;
  KR_ASSIGN_OR_RETURN(const nlohmann::json object,
                      cluster.Get(resource, {ref.name_space, ref.name}));
  ref.uid = object.value(nlohmann::json::json_pointer("/metadata/uid"), "");
  return ref;
}

}  // namespace kr::cmd
