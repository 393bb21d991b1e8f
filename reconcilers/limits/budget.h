#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "crds/meta/int_or_percent.h"
#include "crds/v1alpha1/remediation_budget.h"
#include "reconcilers/limits/reasons.h"

namespace kr::limits {

// A budget across policies, or one of its groups, with what it counts at the moment. A value.
struct BudgetRoom {
  std::string name;  // "budget shop", "budget shop, group eu-1", "the built-in budget of nodes"
  std::optional<crds::IntOrPercent> max_concurrent;
  std::optional<crds::IntOrPercent> max_unhealthy;
  int64_t matching = 0;   // objects that it is about
  int64_t unhealthy = 0;  // of those, that some policy finds sick
  // By LockKey: objects that are being remediated, or that somebody else has taken out of service.
  std::map<std::string, crds::BudgetHolder> held;

  // maxConcurrent as a number; a share is at least 1. nullopt: no such limit.
  std::optional<int64_t> Allowed() const;
};

// BudgetExhausted when not all of `objects` fit in: those that are held already, whoever holds
// them, take nothing more. The objects are all of those that the budget is about.
std::optional<Refusal> CheckBudget(const BudgetRoom& room,
                                   std::span<const crds::ObjectReference> objects);

}  // namespace kr::limits
