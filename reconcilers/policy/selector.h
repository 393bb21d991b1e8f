#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controller/document/document.h"
#include "controller/document/path.h"
#include "crds/v1alpha1/selection.h"

namespace kr::policy {

// Which objects of a kind a policy looks at. Immutable, pure.
class Selector {
 public:
  explicit Selector(const crds::Target& target);

  bool Matches(const document::Document& object) const;
  // What Matches reads beyond the identity.
  std::vector<document::Path> Paths() const;

 private:
  std::set<std::string, std::less<>> names_;
  std::set<std::string, std::less<>> namespaces_;
  std::optional<crds::LabelSelector> selector_;
  std::optional<crds::LabelSelector> exclude_;
};

// Whether the object's labels match.
bool LabelsMatch(const crds::LabelSelector& selector, const document::Document& object);

}  // namespace kr::policy
