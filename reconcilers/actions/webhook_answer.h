#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "absl/time/time.h"
#include "reconcilers/actions/action.h"

namespace kr::actions {

// What a webhook's answer means.
enum class CallOutcome {
  kDone,         // 2xx, and nothing in it says otherwise
  kPending,      // 2xx with status Pending: it is at it, ask again
  kFailed,       // 2xx with status Failed
  kRefused,      // 3xx and 4xx: asking again would change nothing
  kInvalid,      // 2xx that cannot be understood
  kBusy,         // 408, 425, 429, 5xx: ask again
  kUnreachable,  // ask again
  kUnready,      // not configured yet: ask again
};
inline constexpr CallOutcome kCallOutcomes[] = {
    CallOutcome::kDone,    CallOutcome::kPending, CallOutcome::kFailed,      CallOutcome::kRefused,
    CallOutcome::kInvalid, CallOutcome::kBusy,    CallOutcome::kUnreachable, CallOutcome::kUnready};
std::string_view ToString(CallOutcome outcome);  // "Done", ...
// Whether the same call is to be made again.
bool IsOpen(CallOutcome outcome);

struct Judgement {
  CallOutcome outcome = CallOutcome::kInvalid;
  std::string message = {};  // goes on after "webhook NAME "; one line, printable, bounded
  std::optional<absl::Duration> retry_after = {};
  nlohmann::json evidence = {};  // an object; null when there is none
};

// A 2xx answer that is a JSON object may say
//   {"status": "Done" | "Pending" | "Failed", "message": text, "retryAfter": seconds or "30s",
//    "evidence": {...}}
// and anything else beside. Without status, or when it is no JSON object, the code says it all.
Judgement Judge(const Answer& answer);

// The reason of a step that failed with this outcome: "WebhookRefused".
std::string ReasonOf(CallOutcome outcome);

// Until the next call after `answer`, which was open: what it asked for, or a growing pause.
absl::Duration PauseAfter(const Answer& answer, const Judgement& judgement);

}  // namespace kr::actions
