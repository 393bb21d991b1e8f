#include "reconcilers/signals/condition.h"

#include <algorithm>
#include <string>
#include <utility>

#include "crds/meta/time.h"
#include "reconcilers/signals/pattern.h"

namespace kr::signals {
namespace {

using document::Kind;
using document::Node;

std::string_view Spelled(crds::ConditionStatus status) {
  switch (status) {
    case crds::ConditionStatus::kTrue:
      return "True";
    case crds::ConditionStatus::kFalse:
      return "False";
    case crds::ConditionStatus::kUnknown:
      return "Unknown";
  }
  return "";
}

class ConditionSignal final : public Signal {
 public:
  ConditionSignal(crds::ConditionSignal spec, Pattern reason, Pattern message)
      : spec_(std::move(spec)), reason_(std::move(reason)), message_(std::move(message)) {}

  Reading Read(const View& view) const override {
    if (view.object() == nullptr) return {.value = Tri::kFalse};
    const Node conditions = view.object()->At("status.conditions");
    if (conditions.kind() == Kind::kUnprojected) {
      return {.value = Tri::kUnknown, .cause = "status.conditions is not synced yet"};
    }
    for (size_t i = 0; i < conditions.size(); ++i) {
      const Node condition = conditions.At(i);
      if (condition.Field("type").StringOr("") != spec_.type) continue;
      Reading reading = Judge(condition);
      if (reading.value == Tri::kTrue && spec_.heartbeat_within) {
        AskHeartbeat(condition, view.now(), reading);
      }
      return reading;
    }
    return {.value = Tri::kFalse};
  }

  std::vector<cel::Read> Reads() const override {
    std::vector<cel::Read> reads;
    std::vector<const char*> fields = {"type", "status", "reason", "message", "lastTransitionTime"};
    // It changes all the time: only who asks is to be woken by it.
    if (spec_.heartbeat_within) fields.push_back("lastHeartbeatTime");
    for (const char* field : fields) {
      reads.push_back({"object",
                       {{document::Step::Field("status"), document::Step::Field("conditions"),
                         document::Step::Each(), document::Step::Field(field)},
                        document::Depth::kValue}});
    }
    return reads;
  }

 private:
  // Whoever wrote the condition is still there.
  void AskHeartbeat(const Node& condition, absl::Time now, Reading& reading) const {
    const auto beat = crds::ParseTime(condition.Field("lastHeartbeatTime").StringOr(""));
    if (!beat || now > *beat + *spec_.heartbeat_within) {
      reading = {.value = Tri::kFalse};
      return;
    }
    reading.valid_until = *beat + *spec_.heartbeat_within + absl::Milliseconds(1);
  }

  Reading Judge(const Node& condition) const {
    const std::string status = condition.Field("status").StringOr("");
    const bool wanted = std::any_of(spec_.status.begin(), spec_.status.end(),
                                    [&](crds::ConditionStatus s) { return Spelled(s) == status; });
    const std::string reason = condition.Field("reason").StringOr("");
    const std::string message = condition.Field("message").StringOr("");
    if (!wanted || !reason_.Matches(reason) || !message_.Matches(message)) {
      return {.value = Tri::kFalse};
    }
    Reading reading{.value = Tri::kTrue};
    const auto since = crds::ParseTime(condition.Field("lastTransitionTime").StringOr(""));
    if (reason_.empty() && message_.empty()) reading.since = since;
    crds::Evidence evidence;
    evidence.source = "condition";
    evidence.message = spec_.type + "=" + status + (reason.empty() ? "" : " " + reason) +
                       (message.empty() ? "" : ": " + message);
    evidence.first_seen = since;
    reading.evidence.push_back(std::move(evidence));
    return reading;
  }

  crds::ConditionSignal spec_;
  Pattern reason_;
  Pattern message_;
};

}  // namespace

StatusOr<SignalPtr> MakeCondition(const crds::ConditionSignal& spec, std::string_view path) {
  const std::string at(path);
  KR_ASSIGN_OR_RETURN(Pattern reason, Pattern::Compile(spec.reason, at + ".reason"));
  KR_ASSIGN_OR_RETURN(Pattern message, Pattern::Compile(spec.message, at + ".message"));
  return SignalPtr(std::make_unique<ConditionSignal>(spec, std::move(reason), std::move(message)));
}

}  // namespace kr::signals
