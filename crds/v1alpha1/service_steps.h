#pragma once

#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "crds/v1alpha1/set_value.h"

// The parameters of actions on Services.
namespace kr::crds {

// How a Service comes to a new load balancer: by its type (UID, cluster IP and node ports stay), by
// being deleted and made again, or by the type while another Service of the same pods stands in.
enum class RecreateStrategy { kTypeFlip, kDeleteCreate, kBlueGreen };
std::string_view ToString(RecreateStrategy strategy);

// Makes the load balancer of a Service anew, with everything else as it was.
struct RecreateService {
  RecreateStrategy strategy = RecreateStrategy::kTypeFlip;
  std::vector<SetValue> set;                   // changes on the way, of the Service
  absl::Duration timeout = absl::Minutes(10);  // until the old one is gone; the new one there
  absl::Duration overlap = absl::Minutes(5);   // of kBlueGreen: that both serve
  absl::Duration address_stable_for = absl::Hours(1);  // else it is not touched
  absl::Duration interval = absl::Hours(24);           // at most one recreation in it
  friend bool operator==(const RecreateService&, const RecreateService&) = default;
};

}  // namespace kr::crds
