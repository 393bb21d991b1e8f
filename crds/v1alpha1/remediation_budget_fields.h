#pragma once

#include "crds/v1alpha1/policy_fields.h"
#include "crds/v1alpha1/remediation_budget.h"

// The JSON form of RemediationBudget. The bounds are those of the CRD: a test compares them.
namespace kr::crds {

template <typename V>
void Describe(V& v, Member<V, BudgetKind>& x) {
  v.Field("apiVersion", x.api_version, Text(kGroupVersion, kMaxObjectName).Required());
  v.Field("kind", x.kind, Text(kKindName, kMaxName).Required());
}

template <typename V>
void Describe(V& v, Member<V, BudgetObjects>& x) {
  v.Field("kinds", x.kinds, Items(1, 16).Required());
  v.Field("namespaces", x.namespaces, Text(kDnsLabel, kMaxNamespace).Items(0, 100, "*"));
  v.Field("selector", x.selector);
}

template <typename V>
void Describe(V& v, Member<V, RemediationBudgetSpec>& x) {
  v.Field("description", x.description, Text(1024));
  v.Field("objects", x.objects, Rules{.required = true});
  v.Field("maxConcurrent", x.max_concurrent, Rules{.min = 0});
  v.Field("maxUnhealthy", x.max_unhealthy, Rules{.min = 0});
  v.Field("groups", x.groups, Items(0, 4));
}

template <typename V>
void Describe(V& v, Member<V, BudgetHolder>& x) {
  v.IgnoreUnknown();
  v.Field("object", x.object, Rules{.required = true});
  v.Field("remediation", x.remediation, Text(kMaxObjectName));
  v.Field("policy", x.policy, Text(kMaxObjectName));
}

template <typename V>
void Describe(V& v, Member<V, RemediationBudgetStatus>& x) {
  v.IgnoreUnknown();
  v.Field("observedGeneration", x.observed_generation);
  v.Field("conditions", x.conditions, Items(0, 16, "type"));
  v.Field("matching", x.matching);
  v.Field("unhealthy", x.unhealthy);
  v.Field("allowed", x.allowed);
  v.Field("held", x.held);
  v.Field("holders", x.holders, Items(0, kMaxBudgetHolders).Clamped());
}

template <typename V>
void Describe(V& v, Member<V, RemediationBudget>& x) {
  v.Field("metadata", x.metadata);
  v.Field("spec", x.spec, Rules{.required = true});
  v.Field("status", x.status);
}

}  // namespace kr::crds
