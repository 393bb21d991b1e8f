#pragma once

#include "crds/meta/fields.h"
#include "crds/meta/meta_fields.h"
#include "crds/meta/rules.h"
#include "crds/v1alpha1/common.h"

// The bounds that the kinds share. They are those of the CRDs: a test compares them.
namespace kr::crds {

inline constexpr size_t kMaxName = 63;
inline constexpr size_t kMaxExpression = 4096;
inline constexpr size_t kMaxPattern = 1024;
inline constexpr size_t kMaxPatchBytes = 64 * 1024;
inline constexpr absl::Duration kNone = absl::ZeroDuration();
inline constexpr absl::Duration kShortest = absl::Seconds(1);
inline constexpr absl::Duration kDay = absl::Hours(24);

inline Rules Expression() {
  return Text(kMaxExpression);
}
inline Rules Pattern() {
  return Text(kMaxPattern);
}

template <typename V>
void Describe(V& v, Member<V, NamedExpression>& x) {
  v.Field("name", x.name, Text(kDnsLabel, kMaxName).Required());
  v.Field("expression", x.expression, Expression().Required());
}

template <typename V>
void Describe(V& v, Member<V, Variable>& x) {
  v.Field("name", x.name, Text(kIdentifier, kMaxName).Required());
  v.Field("expression", x.expression, Expression().Required());
}

}  // namespace kr::crds
