#include "reconcilers/drain/answer.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "controller/kube/api_error.h"

namespace kr::drain {
namespace {

using Said = Answer::Said;

// As kubectl waits after a budget said no, at first.
constexpr absl::Duration kPause = absl::Seconds(5);
constexpr absl::Duration kLongestPause = absl::Seconds(60);

Answer ReadError(const Status& error) {
  const auto api = kube::GetApiError(error);
  if (!api) return {Said::kUnknown, std::string(Message(error))};
  Answer answer{Said::kUnknown, api->message, api->retry_after};
  for (const kube::ApiError::Cause& cause : api->causes) {
    if (!cause.message.empty()) answer.text += (answer.text.empty() ? "" : " ") + cause.message;
  }
  const bool budget = api->HasCause("DisruptionBudget");
  switch (api->code) {
    case 404:
      answer.said = Said::kGone;
      break;
    case 409:
      // Any other conflict says nothing about the pod: it is looked for.
      if (answer.text.find("UID in precondition") != std::string::npos) answer.said = Said::kGone;
      break;
    case 429:
      answer.said = !budget ? Said::kBusy : answer.retry_after ? Said::kOutdated : Said::kBudget;
      break;
    case 403:
      answer.said = api->HasCause("NamespaceTerminating") ? Said::kEnding
                    : budget                              ? Said::kBudget
                                                          : Said::kRefused;
      break;
    case 500:
      // The one 500 that says that nothing was done.
      if (answer.text.find("more than one PodDisruptionBudget") != std::string::npos) {
        answer.said = Said::kManyBudgets;
      }
      break;
    case 400:
    case 401:
    case 405:
    case 422:
      answer.said = Said::kRefused;
      break;
    default:
      break;
  }
  return answer;
}

}  // namespace

std::string_view ToString(Said said) {
  switch (said) {
    case Said::kAccepted:
      return "Accepted";
    case Said::kGone:
      return "Gone";
    case Said::kBudget:
      return "Budget";
    case Said::kOutdated:
      return "Outdated";
    case Said::kBusy:
      return "Busy";
    case Said::kManyBudgets:
      return "ManyBudgets";
    case Said::kEnding:
      return "Ending";
    case Said::kRefused:
      return "Refused";
    case Said::kUnknown:
      return "Unknown";
  }
  return "";
}

Answer Read(const StatusOr<kube::Reply>& reply) {
  if (!reply.ok()) return ReadError(reply.status());
  const Status inside =
      kube::FailureInside(nlohmann::json::parse(reply->body, nullptr, /*allow_exceptions=*/false));
  return inside.ok() ? Answer{Said::kAccepted} : ReadError(inside);
}

bool IsThrough(Answer::Said said) {
  return said == Said::kAccepted || said == Said::kGone || said == Said::kEnding;
}

absl::Duration PauseAfter(const Answer& answer, int64_t tries) {
  if (answer.retry_after) return *answer.retry_after;
  if (answer.said == Said::kBusy) return absl::Seconds(1);
  const int64_t doublings = std::clamp<int64_t>(tries - 1, 0, 4);
  return std::min(kPause * (int64_t{1} << doublings), kLongestPause);
}

}  // namespace kr::drain
