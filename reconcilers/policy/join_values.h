#pragma once

#include "controller/cache/relation.h"
#include "controller/cel/value.h"

// What the expressions of a join give, as the cache takes it. Pure.
namespace kr::policy {

// A value, a list of values or an optional; null, "" and none are no key.
void AddKeys(const cel::Value& value, cache::KeySink& sink);

// The labels of a map with text values; null and none are no labels, and so is what is no map.
cache::Labels LabelsOf(const cel::Value& value);

// Selectors: a map of labels, or {matchLabels, matchExpressions}, or an optional or list of either.
// An empty one selects everything, null and none nothing. One that the API server would refuse
// selects nothing.
void AddSelectors(const cel::Value& value, cache::KeySink& sink);

}  // namespace kr::policy
