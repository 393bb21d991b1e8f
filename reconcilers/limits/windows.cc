#include "reconcilers/limits/windows.h"

#include <algorithm>

#include "crds/meta/duration.h"
#include "crds/meta/time.h"

namespace kr::limits {

StatusOr<Window> Window::Parse(const crds::Window& window) {
  StatusOr<CronSchedule> schedule = CronSchedule::Parse(window.schedule);
  if (!schedule.ok()) return Annotate(schedule.status(), "schedule");
  StatusOr<absl::TimeZone> zone = ParseTimeZone(window.time_zone);
  if (!zone.ok()) return Annotate(zone.status(), "timeZone");
  return Window{.written = window, .schedule = *schedule, .zone = *zone};
}

bool Window::Open(absl::Time now) const {
  return now < schedule.Previous(now, zone) + written.duration;
}

std::optional<Refusal> CheckWindows(std::span<const Window> windows, absl::Time now) {
  if (windows.empty()) return std::nullopt;
  absl::Time opens = absl::InfiniteFuture();
  const Window* next = nullptr;
  for (const Window& window : windows) {
    if (window.Open(now)) return std::nullopt;
    const absl::Time start = window.schedule.Next(now, window.zone);
    if (start >= opens) continue;
    opens = start;
    next = &window;
  }
  if (next == nullptr) return Refusal{.reason = Reason::kOutsideWindow, .message = "never open"};
  return Refusal{.reason = Reason::kOutsideWindow,
                 .message = "the next window (" + next->written.schedule + " " +
                            next->written.time_zone + ", for " +
                            crds::FormatDuration(next->written.duration) + ") opens at " +
                            crds::FormatTime(opens),
                 .next_check = opens};
}

}  // namespace kr::limits
