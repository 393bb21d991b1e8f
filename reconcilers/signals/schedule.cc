#include "reconcilers/signals/schedule.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "controller/base/cron.h"
#include "crds/meta/time.h"

namespace kr::signals {
namespace {

class ScheduleSignal final : public Signal {
 public:
  ScheduleSignal(crds::ScheduleSignal spec, CronSchedule cron, absl::TimeZone zone,
                 absl::Time policy_created)
      : spec_(std::move(spec)), cron_(cron), zone_(zone), policy_created_(policy_created) {}

  Reading Read(const View& view) const override {
    // A remediation is judged by the time that started it; later ones have their own.
    const absl::Time at = view.remediating_since().value_or(view.now());
    const absl::Time due = cron_.Previous(at, zone_);
    const absl::Time missed = due + spec_.starting_deadline;
    Reading reading{.value = Tri::kFalse};
    if (!view.remediating_since()) reading.valid_until = cron_.Next(at, zone_);
    if (due < policy_created_ || due < CreationOf(view) || at >= missed || due <= view.answered() ||
        due <= view.schedule_answered()) {
      return reading;
    }
    reading.value = Tri::kTrue;
    reading.since = due;
    if (!view.remediating_since()) reading.valid_until = std::min(reading.valid_until, missed);
    reading.evidence.push_back(
        {.source = "schedule",
         .message = spec_.cron + " (" + spec_.time_zone + ") was due at " + crds::FormatTime(due),
         .first_seen = due});
    return reading;
  }

  std::vector<cel::Read> Reads() const override {
    return {{"object",
             {{document::Step::Field("metadata"), document::Step::Field("creationTimestamp")},
              document::Depth::kValue}}};
  }
  bool IsOccurrence() const override { return true; }
  bool IsPlanned() const override { return true; }
  bool LooksBack() const override { return true; }

 private:
  static absl::Time CreationOf(const View& view) {
    if (view.object() == nullptr) return absl::InfinitePast();
    const document::Node created = view.object()->At("metadata.creationTimestamp");
    return crds::ParseTime(created.StringOr("")).value_or(absl::InfinitePast());
  }

  crds::ScheduleSignal spec_;
  CronSchedule cron_;
  absl::TimeZone zone_;
  absl::Time policy_created_;
};

}  // namespace

StatusOr<SignalPtr> MakeSchedule(const crds::ScheduleSignal& spec, absl::Time policy_created,
                                 std::string_view path) {
  const std::string at(path);
  auto cron = CronSchedule::Parse(spec.cron);
  if (!cron.ok()) return Annotate(cron.status(), at + ".cron");
  auto zone = ParseTimeZone(spec.time_zone);
  if (!zone.ok()) return Annotate(zone.status(), at + ".timeZone");
  return SignalPtr(std::make_unique<ScheduleSignal>(spec, *cron, *zone, policy_created));
}

}  // namespace kr::signals
