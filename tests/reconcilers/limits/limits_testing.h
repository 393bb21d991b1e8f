#pragma once

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "crds/v1alpha1/remediation.h"
#include "reconcilers/limits/reasons.h"

namespace kr::limits {

inline absl::Time At(int hour, int minute = 0) {
  return absl::FromCivil(absl::CivilMinute(2026, 1, 2, hour, minute), absl::UTCTimeZone());
}

inline crds::ObjectReference Calico() {
  return {.api_version = "apps/v1",
          .kind = "DaemonSet",
          .name_space = "kube-system",
          .name = "calico-node"};
}

// "" for nullopt: tables read better.
inline std::string NameOf(const std::optional<Refusal>& refusal) {
  return refusal ? std::string(Name(refusal->reason)) : "";
}
inline std::string MessageOf(const std::optional<Refusal>& refusal) {
  return refusal ? refusal->message : "";
}

// So that gtest prints it.
inline void PrintTo(const Refusal& refusal, std::ostream* out) {
  *out << Name(refusal.reason) << ": " << refusal.message << " (next check "
       << absl::FormatTime(refusal.next_check, absl::UTCTimeZone()) << ")";
}

}  // namespace kr::limits
