#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kr::crds {

// metav1.LabelSelector: all of match_labels and all of match_expressions. An empty selector matches
// everything.
struct LabelSelector {
  enum class Operator { kIn, kNotIn, kExists, kDoesNotExist };
  struct Requirement {
    std::string key;
    Operator op = Operator::kIn;
    std::vector<std::string> values;  // In, NotIn: at least one; otherwise none
    friend bool operator==(const Requirement&, const Requirement&) = default;
  };
  // The value of a label, nullopt when the object does not have it.
  using Lookup = std::function<std::optional<std::string_view>(std::string_view key)>;

  std::map<std::string, std::string> match_labels;
  std::vector<Requirement> match_expressions;

  bool empty() const { return match_labels.empty() && match_expressions.empty(); }
  bool Matches(const std::map<std::string, std::string>& labels) const;
  bool Matches(const Lookup& lookup) const;
  // As the `labelSelector` parameter of a list: "app=web,tier in (a,b),!old". Not URL-escaped.
  std::string ToString() const;
  friend bool operator==(const LabelSelector&, const LabelSelector&) = default;
};

}  // namespace kr::crds
