#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "controller/cache/object_table.h"
#include "crds/meta/label_selector.h"

namespace kr::cache {

// The labels of one object; each key once.
using Labels = std::vector<std::pair<std::string, std::string>>;

inline bool Selects(const crds::LabelSelector& selector, const Labels& labels) {
  return selector.Matches([&](std::string_view key) -> std::optional<std::string_view> {
    for (const auto& [label, value] : labels) {
      if (label == key) return value;
    }
    return std::nullopt;
  });
}

// What one object brings to a join, on its side of it: keys, labels or selectors. Objects of
// different scopes never join.
struct JoinSide {
  std::string scope;
  std::vector<std::string> keys;  // sorted, each once, the scope in them
  std::optional<Labels> labels;   // nullopt: takes no part
  std::vector<crds::LabelSelector> selectors;
};

// Both sides of one join, indexed. Not thread-safe.
class JoinIndex {
 public:
  virtual ~JoinIndex() = default;

  // What an object on either side brought before, and brings now. Whatever a related object joins
  // with, before or now, is woken and comes out of Expand.
  virtual void ChangeRelated(ObjectId id, const JoinSide& before, const JoinSide& after) = 0;
  virtual void ChangeTarget(ObjectId id, const JoinSide& before, const JoinSide& after) = 0;

  // In rising order, each once.
  virtual std::vector<ObjectId> RelatedOf(const JoinSide& target) const = 0;
  virtual std::vector<ObjectId> TargetsOf(const JoinSide& related) const = 0;

  // Visits woken targets and returns how much work that was, up to `max`; less than `max` means
  // that nothing is left. A target may come twice.
  virtual size_t Expand(size_t max, absl::FunctionRef<void(ObjectId)> visit) = 0;
  virtual bool woken() const = 0;

  virtual size_t bytes() const = 0;
};

}  // namespace kr::cache
