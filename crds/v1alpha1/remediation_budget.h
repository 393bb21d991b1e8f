#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "crds/meta/condition.h"
#include "crds/meta/int_or_percent.h"
#include "crds/meta/label_selector.h"
#include "crds/meta/object_meta.h"
#include "crds/v1alpha1/remediation_policy.h"

// RemediationBudget: how many of some objects all policies together may be at work on.
namespace kr::crds {

struct BudgetKind {
  std::string api_version;
  std::string kind;
  friend bool operator==(const BudgetKind&, const BudgetKind&) = default;
};

// What a budget counts: objects of one of the kinds, in one of the namespaces (none: in all), with
// matching labels.
struct BudgetObjects {
  std::vector<BudgetKind> kinds;
  std::vector<std::string> namespaces;
  std::optional<LabelSelector> selector;
  friend bool operator==(const BudgetObjects&, const BudgetObjects&) = default;
};

struct RemediationBudgetSpec {
  std::string description;
  BudgetObjects objects;
  std::optional<IntOrPercent> max_concurrent;  // 0 = nothing may be touched
  std::optional<IntOrPercent> max_unhealthy;
  std::vector<LimitGroup> groups;
  friend bool operator==(const RemediationBudgetSpec&, const RemediationBudgetSpec&) = default;
};

// An object that counts against the budget, and whose Remediation it is.
struct BudgetHolder {
  ObjectReference object;
  std::string remediation;  // "" = nobody of ours: a node that is cordoned or going away
  std::string policy;
  friend bool operator==(const BudgetHolder&, const BudgetHolder&) = default;
};
inline constexpr size_t kMaxBudgetHolders = 50;

struct RemediationBudgetStatus {
  int64_t observed_generation = 0;
  std::vector<Condition> conditions;  // Accepted, Ready
  int64_t matching = 0;
  int64_t unhealthy = 0;
  std::optional<int64_t> allowed;  // of maxConcurrent, as a number
  int64_t held = 0;
  std::vector<BudgetHolder> holders;  // at most kMaxBudgetHolders
  friend bool operator==(const RemediationBudgetStatus&, const RemediationBudgetStatus&) = default;
};

struct RemediationBudget {
  ObjectMeta metadata;
  RemediationBudgetSpec spec;
  RemediationBudgetStatus status;
  friend bool operator==(const RemediationBudget&, const RemediationBudget&) = default;
};

}  // namespace kr::crds
