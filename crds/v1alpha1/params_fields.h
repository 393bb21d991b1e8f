#pragma once

#include <string_view>
#include <utility>

#include "crds/v1alpha1/field_rules.h"
#include "crds/v1alpha1/params.h"

// The JSON form of spec.params and spec.paramRef.
namespace kr::crds {

inline constexpr size_t kMaxParamBytes = 16 * 1024;

template <>
struct EnumNames<ParamType> {
  static constexpr std::pair<ParamType, std::string_view> kNames[] = {
      {ParamType::kString, "string"}, {ParamType::kInteger, "integer"},
      {ParamType::kNumber, "number"}, {ParamType::kBoolean, "boolean"},
      {ParamType::kArray, "array"},   {ParamType::kObject, "object"}};
};

template <>
struct EnumNames<ParamSource> {
  static constexpr std::pair<ParamSource, std::string_view> kNames[] = {
      {ParamSource::kConfigMap, "ConfigMap"}};
};

template <typename V>
void Describe(V& v, Member<V, Param>& x) {
  v.Field("name", x.name, Text(kIdentifier, kMaxName).Required());
  v.Field("type", x.type, Rules{.required = true});
  v.Field("default", x.default_value, Text(kMaxParamBytes));
  v.Field("description", x.description, Text(1024));
  v.Field("minimum", x.minimum);
  v.Field("maximum", x.maximum);
  v.Field("pattern", x.pattern, Pattern());
  v.Field("maxLength", x.max_length, Between(1, kMaxParamBytes));
  v.Field("enum", x.allowed, Text(253).Items(0, 64, "*"));
}

template <typename V>
void Describe(V& v, Member<V, ParamRef>& x) {
  v.Field("kind", x.kind);
  v.Field("namespace", x.name_space, Text(kDnsLabel, kMaxNamespace).Required());
  v.Field("name", x.name, Text(kDnsSubdomain, kMaxObjectName).Required());
  v.Field("optional", x.optional);
}

}  // namespace kr::crds
