#pragma once

#include <compare>
#include <string>

#include "controller/document/projection.h"
#include "controller/kube/resource.h"

namespace kr::cache {

// Which objects a watch delivers. Also the identity of a watch: what is kept of the objects may
// change while it runs, which objects they are may not.
struct WatchScope {
  kube::Resource resource;
  std::string name_space;  // "" = all
  std::string field_selector;
  std::string label_selector;

  // True when every object of `other` is also one of this.
  bool Covers(const WatchScope& other) const;
  // For logs and metrics: "pods", "pods in kube-system (metadata.name=x)".
  std::string ToString() const;
  friend auto operator<=>(const WatchScope&, const WatchScope&) = default;
};

struct WatchSpec {
  WatchScope scope;
  // Ask for PartialObjectMetadata: nothing outside metadata is read.
  bool metadata_only = false;
  document::Projection::Ptr projection;
};

}  // namespace kr::cache
