#pragma once

#include "crds/v1alpha1/remediation_fields.h"
#include "crds/v1alpha1/target_baseline.h"

// The JSON form of TargetBaseline. The bounds are those of the CRD: a test compares them.
namespace kr::crds {

template <typename V>
void Describe(V& v, Member<V, BaselineValue>& x) {
  v.Field("trigger", x.trigger, Text(kDnsLabel, kMaxName).Required());
  v.Field("expressionDigest", x.expression_digest, Text(kHexDigest, 64).Required());
  v.Field("value", x.value, Text(kMaxBaselineValue));
  v.Field("digest", x.digest, Text(kHexDigest, 64).Required());
  v.Field("recordedAt", x.recorded_at, Rules{.required = true});
}

template <typename V>
void Describe(V& v, Member<V, BaselineHold>& x) {
  v.Field("trigger", x.trigger, Text(kDnsLabel, kMaxName).Required());
  v.Field("since", x.since, Rules{.required = true});
}

template <typename V>
void Describe(V& v, Member<V, TargetBaselineSpec>& x) {
  v.Field("policyRef", x.policy_ref, Rules{.required = true});
  v.Field("targetRef", x.target_ref, Rules{.required = true});
}

template <typename V>
void Describe(V& v, Member<V, TargetBaselineStatus>& x) {
  v.Field("values", x.values, Items(0, 16, "trigger"));
  v.Field("holding", x.holding, Items(0, 16, "trigger"));
}

template <typename V>
void Describe(V& v, Member<V, TargetBaseline>& x) {
  v.Field("metadata", x.metadata);
  v.Field("spec", x.spec, Rules{.required = true});
  v.Field("status", x.status);
}

}  // namespace kr::crds
