#include "reconcilers/service/owner.h"

#include <string_view>

#include "crds/meta/json_find.h"

namespace kr::service {
namespace {

constexpr char kLabels[] = "labels";
constexpr char kAnnotations[] = "annotations";

struct Mark {
  const char* map;
  std::string_view key;
  std::string_view value;  // "" = any
  std::string_view who;
  std::string_view what;
};

constexpr Mark kMarks[] = {
    {kAnnotations, "argocd.argoproj.io/tracking-id", "", "Argo CD",
     "pause the Application (annotation argocd.argoproj.io/skip-reconcile: \"true\")"},
    {kLabels, "argocd.argoproj.io/instance", "", "Argo CD",
     "pause the Application (annotation argocd.argoproj.io/skip-reconcile: \"true\")"},
    {kLabels, "kustomize.toolkit.fluxcd.io/name", "", "Flux",
     "suspend the Kustomization (flux suspend kustomization)"},
    {kLabels, "helm.toolkit.fluxcd.io/name", "", "Flux",
     "suspend the HelmRelease (flux suspend helmrelease)"},
    {kLabels, "app.kubernetes.io/managed-by", "Helm", "Helm",
     "see that no upgrade of the release runs meanwhile"},
    {kLabels, "olm.owner", "", "the Operator Lifecycle Manager", "recreate it by its operator"},
    {kLabels, "addonmanager.kubernetes.io/mode", "Reconcile", "the addon manager",
     "change the manifest of the addon"},
};

}  // namespace

std::optional<Owner> FindOwner(const nlohmann::json& service) {
  if (crds::FindText(service, {"metadata", kAnnotations, kAllowAnnotation}) == "true")
    return std::nullopt;
  for (const Mark& mark : kMarks) {
    const std::string value = crds::FindText(service, {"metadata", mark.map, mark.key});
    if (value.empty() || (!mark.value.empty() && value != mark.value)) continue;
    return Owner{std::string(mark.who) + " (" + std::string(mark.key) + ": " + value + ")",
                 std::string(mark.what)};
  }
  return std::nullopt;
}

}  // namespace kr::service
