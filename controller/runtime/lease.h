#pragma once

#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "controller/base/status.h"
#include "controller/kube/http.h"
#include "controller/kube/resource.h"

// The part of a coordination.k8s.io/v1 Lease that leader election lives on.
namespace kr::runtime {

struct LeaseRecord {
  std::string holder;  // "" = released
  int duration_seconds = 0;
  absl::Time acquire_time;
  absl::Time renew_time;
  int transitions = 0;
  friend bool operator==(const LeaseRecord&, const LeaseRecord&) = default;
};

// A Lease as the server returned it. What is not in the record (labels, annotations, other spec
// fields) is kept for the next update.
struct Lease {
  std::string json;
  LeaseRecord record;
};

// InvalidArgument when it is not a Lease. Absent spec fields read as a released lease.
StatusOr<Lease> ParseLease(std::string_view json);

kube::HttpRequest GetLease(const kube::ObjectKey& key);
kube::HttpRequest CreateLease(const kube::ObjectKey& key, const LeaseRecord& record);
// `lease` with `record` in its place; carries the resourceVersion that `lease` was read with.
kube::HttpRequest UpdateLease(const kube::ObjectKey& key, const Lease& lease,
                              const LeaseRecord& record);

// RFC 3339 with microseconds, in UTC: metav1.MicroTime.
std::string FormatMicroTime(absl::Time time);

}  // namespace kr::runtime
