#include "reconcilers/remediation/refusal_events.h"

#include <algorithm>
#include <utility>

#include "crds/v1alpha1/common.h"
#include "crds/v1alpha1/reasons.h"

namespace kr::remediation {
namespace {

constexpr size_t kMaxTargets = 10;

constexpr std::string_view kOrdinary[] = {
    crds::refusal::kMaxConcurrent, crds::refusal::kTargetBusy,   crds::refusal::kCoolingDown,
    crds::refusal::kRateLimited,   crds::refusal::kStaleView,    crds::refusal::kSymptomUnknown,
    crds::refusal::kSymptomGone,   crds::refusal::kOutsideWindow};

runtime::ObjectReference RefOf(const crds::ObjectReference& ref) {
  return {ref.api_version, ref.kind, ref.name_space, ref.name, ref.uid};
}

runtime::ObjectReference RefOf(const crds::RemediationPolicy& policy) {
  return {std::string(crds::kApiVersion), std::string(crds::kPolicyKind), "", policy.metadata.name,
          policy.metadata.uid};
}

}  // namespace

std::vector<runtime::Event> RefusalEvents(const crds::RemediationPolicy& policy,
                                          std::span<const NewRefusal> refusals) {
  std::vector<runtime::Event> events;
  size_t targets = 0;
  for (const auto& [waiting, first] : refusals) {
    if (std::ranges::count(kOrdinary, waiting.reason) > 0) continue;
    const runtime::ObjectReference target = RefOf(waiting.target), own = RefOf(policy);
    runtime::Event event{
        .type = runtime::Event::Type::kWarning, .reason = waiting.reason, .action = "Wait"};
    if (first) {
      event.note = waiting.target.ToString() + " is not remediated: " + waiting.message;
      event.regarding = own;
      event.related = target;
      events.push_back(event);
    }
    if (++targets > kMaxTargets) continue;
    event.note = "policy " + policy.metadata.name + " does not remediate it: " + waiting.message;
    event.regarding = target;
    event.related = own;
    events.push_back(std::move(event));
  }
  return events;
}

runtime::Event NotAcceptedEvent(const crds::RemediationPolicy& policy, std::string why) {
  return {.type = runtime::Event::Type::kWarning,
          .reason = std::string(crds::reason::kNotAccepted),
          .action = "Compile",
          .note = std::move(why),
          .regarding = RefOf(policy)};
}

}  // namespace kr::remediation
