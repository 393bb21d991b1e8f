#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "controller/base/status.h"
#include "controller/kube/client.h"

namespace kr::drain {

// What the API server meant when it answered an eviction or deletion of a pod that carried its UID.
struct Answer {
  enum class Said {
    kAccepted,     // the pod is on its way out
    kGone,         // 404, or 409 because another pod has its name now
    kBudget,       // 429: a PodDisruptionBudget does not allow it
    kOutdated,     // 429: the budget's status is not up to date; after exactly `retry_after`
    kBusy,         // 429: the server as a whole puts us off
    kManyBudgets,  // several budgets select it: 500, in the body of a 201 even
    kEnding,       // 403: its namespace is being deleted, and the pod with it
    kRefused,      // 403 and everything else that will not change by waiting a little
    kUnknown,      // nobody knows whether it was executed
  };
  Said said = Said::kUnknown;
  std::string text = {};  // the server's words, with the budget's numbers
  std::optional<absl::Duration> retry_after = {};
};

std::string_view ToString(Answer::Said said);

Answer Read(const StatusOr<kube::Reply>& reply);

// Whether the request was executed or there is nothing left to execute; kUnknown: neither is known.
bool IsThrough(Answer::Said said);

// How long to leave the pod alone after `tries` such answers in a row.
absl::Duration PauseAfter(const Answer& answer, int64_t tries);

}  // namespace kr::drain
