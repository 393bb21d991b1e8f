#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "crds/meta/object_meta.h"
#include "reconcilers/limits/reasons.h"

namespace kr::limits {

// Namespaces that a policy touches only when its target.namespaces name them.
inline constexpr std::string_view kProtectedNamespaces[] = {"kube-system"};

// On pods that the kubelet runs from a file: deleting or patching them does nothing good.
inline constexpr std::string_view kMirrorAnnotation = "kubernetes.io/config.mirror";

// Whether a Node has the crds::kControlPlaneLabels, in the dotted form of document::Path::Parse.
inline constexpr std::string_view kControlPlanePaths[] = {
    "metadata.labels['node-role.kubernetes.io/control-plane']?",
    "metadata.labels['node-role.kubernetes.io/master']?",
    "metadata.labels['node-role.kubernetes.io/etcd']?"};

// What protection reads of an object, in the dotted form of document::Path::Parse. Whoever builds
// a projection for targets includes these.
std::span<const std::string_view> ProtectionPaths();

// What it needs to know about the object.
struct TargetFacts {
  crds::ObjectReference ref;
  std::string exclude_label;        // the value of label crds::kExcludeLabel; "" = absent
  bool deleting = false;            // metadata.deletionTimestamp
  bool mirror_pod = false;          // has kMirrorAnnotation
  bool namespace_excluded = false;  // its namespace has the label crds::kExcludeLabel: "true"
  bool control_plane = false;       // a Node of it, and the policy does not say that it means them
};

// Protected, with the rule that says so. `named_namespaces` are the policy's target.namespaces,
// `own_namespace` is where the controller itself lives ("" = not known): whoever stops us at our
// work helps nobody.
std::optional<Refusal> CheckProtection(const TargetFacts& target,
                                       std::span<const std::string> named_namespaces,
                                       std::string_view own_namespace = {});

}  // namespace kr::limits
