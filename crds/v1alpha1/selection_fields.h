#pragma once

#include <string_view>
#include <utility>
#include <variant>

#include "crds/v1alpha1/field_rules.h"
#include "crds/v1alpha1/selection.h"

// The JSON form of spec.target, spec.related and spec.events.
namespace kr::crds {

template <>
struct EnumNames<RelatedPreset> {
  static constexpr std::pair<RelatedPreset, std::string_view> kNames[] = {
      {RelatedPreset::kOwnedPods, "OwnedPods"},
      {RelatedPreset::kPodsOnNode, "PodsOnNode"},
      {RelatedPreset::kNodeOfPod, "NodeOfPod"},
      {RelatedPreset::kTopOwner, "TopOwner"},
      {RelatedPreset::kPodsOfService, "PodsOfService"},
      {RelatedPreset::kEndpointSlicesOfService, "EndpointSlicesOfService"},
      {RelatedPreset::kPvcsOfPod, "PVCsOfPod"},
      {RelatedPreset::kPdbsOfPod, "PDBsOfPod"}};
};

template <typename V>
void Describe(V& v, Member<V, TargetKind>& x) {
  v.Field("apiVersion", x.api_version, Text(kGroupVersion, kMaxObjectName).Required());
  v.Field("kind", x.kind, Text(kKindName, kMaxName).Required());
}

template <typename V>
void Describe(V& v, Member<V, Target>& x) {
  v.Field("apiVersion", x.api_version, Text(kGroupVersion, kMaxObjectName));
  v.Field("kind", x.kind, Text(kKindName, kMaxName));
  v.Field("kinds", x.kinds, Items(0, 8));
  v.Field("names", x.names, Text(kMaxObjectName).NotEmpty().Items(0, 100, "*"));
  v.Field("namespaces", x.namespaces, Text(kDnsLabel, kMaxNamespace).Items(0, 100, "*"));
  v.Field("namespaceSelector", x.namespace_selector);
  v.Field("selector", x.selector);
  v.Field("excludeSelector", x.exclude_selector);
  v.Field("all", x.all);
  v.Field("includeControlPlane", x.include_control_plane);
}

template <typename V>
void Describe(V& v, Member<V, Related>& x) {
  v.Field("name", x.name, Text(kIdentifier, kMaxName).Required());
  v.Field("preset", x.preset);
  v.Field("apiVersion", x.api_version, Text(kGroupVersion, kMaxObjectName));
  v.Field("kind", x.kind, Text(kKindName, kMaxName));
  v.Field("of", x.of, Text(kIdentifier, kMaxName));
  v.Field("sameNamespace", x.same_namespace);
  v.Field("namespace", x.name_space, Text(kDnsLabel, kMaxNamespace));
  v.Field("names", x.names, Text(kMaxObjectName).NotEmpty().Items(0, 100, "*"));
  v.Field("selector", x.selector);
  v.Field("where", x.where, Expression());
  v.Field("key", x.key, Expression());
  v.Field("equals", x.equals, Expression());
  v.Field("labels", x.labels, Expression());
  v.Field("selectedBy", x.selected_by, Expression());
  v.Field("max", x.max, Between(1, 10000));
}

template <typename V>
void Describe(V&, Member<V, AboutTarget>&) {}

template <typename V>
void Describe(V& v, Member<V, AboutRelated>& x) {
  v.Field("related", x.related, Text(kIdentifier, kMaxName));
}

template <typename V>
void Describe(V& v, Member<V, AboutKind>& x) {
  v.Field("apiVersion", x.api_version, Text(kGroupVersion, kMaxObjectName));
  v.Field("kind", x.kind, Text(kKindName, kMaxName));
}

template <typename V>
void Describe(V& v, Member<V, EventSource>& x) {
  v.Field("name", x.name, Text(kIdentifier, kMaxName).Required());
  v.Object("about", x.about, Rules{}, [](auto& below, auto& about) {
    below.template InlineAlternative<AboutRelated>(about);
    below.template InlineAlternative<AboutKind>(about);
  });
  v.Field("type", x.type, Text(kEventType, 16));
  v.Field("reason", x.reason, Pattern());
  v.Field("message", x.message, Pattern());
  v.Field("within", x.within, Between(kShortest, kDay));
}

}  // namespace kr::crds
