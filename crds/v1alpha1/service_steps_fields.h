#pragma once

#include <string_view>
#include <utility>

#include "crds/v1alpha1/field_rules.h"
#include "crds/v1alpha1/service_steps.h"

// The JSON form of the parameters of actions on Services.
namespace kr::crds {

template <>
struct EnumNames<RecreateStrategy> {
  static constexpr std::pair<RecreateStrategy, std::string_view> kNames[] = {
      {RecreateStrategy::kTypeFlip, "TypeFlip"},
      {RecreateStrategy::kDeleteCreate, "DeleteCreate"},
      {RecreateStrategy::kBlueGreen, "BlueGreen"}};
};

template <typename V>
void Describe(V& v, Member<V, SetValue>& x) {
  v.Field("path", x.path, Text(kJsonPointer, 512).Required());
  v.Field("expression", x.expression, Expression());
  v.Field("remove", x.remove);
}

template <typename V>
void Describe(V& v, Member<V, RecreateService>& x) {
  v.Field("strategy", x.strategy);
  v.Field("set", x.set, Items(0, 32, "path"));
  v.Field("timeout", x.timeout, Between(kShortest, kDay));
  v.Field("overlap", x.overlap, Between(kNone, kDay));
  v.Field("addressStableFor", x.address_stable_for, Between(kNone, kDay));
  v.Field("interval", x.interval, Between(kNone, absl::Hours(720)));
}

}  // namespace kr::crds
