#include "reconcilers/actions/removal.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "controller/kube/request.h"
#include "crds/meta/duration.h"
#include "reconcilers/actions/change.h"

namespace kr::actions {
namespace {

// Between looks at an object that is on its way out.
constexpr absl::Duration kLookAgain = absl::Seconds(1);

}  // namespace

bool IsGone(const Observed& observed) {
  const nlohmann::json& live = *observed.live;
  if (live.is_null()) return true;
  return !observed.ref.uid.empty() && FindText(live, {"metadata", "uid"}) != observed.ref.uid;
}

std::string GoingText(const Observed& observed) {
  const nlohmann::json& live = *observed.live;
  std::string text = ObjectText(observed.ref) + " is going since " +
                     FindText(live, {"metadata", "deletionTimestamp"});
  const nlohmann::json* finalizers = Find(live, {"metadata", "finalizers"});
  if (finalizers == nullptr || !finalizers->is_array() || finalizers->empty()) return text;
  text += ", held by ";
  for (size_t i = 0; i < finalizers->size(); ++i) {
    const nlohmann::json& name = (*finalizers)[i];
    text += (i > 0 ? ", " : "") + (name.is_string() ? name.get<std::string>() : name.dump());
  }
  return text;
}

Next AwaitGone(const Observed& observed, absl::Duration timeout) {
  const absl::Time deadline = observed.step_started + timeout;
  if (observed.now >= deadline) {
    return Failed{"Timeout", "after " + crds::FormatDuration(timeout) + " " + GoingText(observed)};
  }
  return Wait{.until = std::min(deadline, observed.now + kLookAgain),
              .progress = GoingText(observed),
              .memo = nullptr,
              .reread = true};
}

kube::HttpRequest DeleteRequest(const Observed& observed, std::string_view propagation,
                                std::optional<int64_t> grace_period_seconds) {
  return kube::DeleteObject(observed.ref.resource, observed.ref.key,
                            {.uid = FindText(*observed.live, {"metadata", "uid"}),
                             .propagation = std::string(propagation),
                             .grace_period_seconds = grace_period_seconds},
                            {.server_timeout = observed.server_timeout});
}

Done RemovedBy(const nlohmann::json& memo, std::string_view verb, const Observed& observed) {
  return {.message = memo.is_null() ? ObjectText(observed.ref) + " was gone already"
                                    : std::string(verb) + " " + ObjectText(observed.ref)};
}

}  // namespace kr::actions
