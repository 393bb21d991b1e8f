#include "crds/meta/time.h"

#include "crds/meta/text.h"

namespace kr::crds {

std::optional<absl::Time> ParseTime(std::string_view text) {
  // Abseil's RFC 3339 also takes "infinite-future", spaces around and a date without a time zone.
  constexpr size_t kShortest = std::string_view("2006-01-02T15:04:05Z").size();
  if (text.size() < kShortest || text.front() < '0' || text.front() > '9') return std::nullopt;
  absl::Time time;
  std::string error;
  if (text[10] != 'T' || !absl::ParseTime(absl::RFC3339_full, ToAbsl(text), &time, &error)) {
    return std::nullopt;
  }
  return time;
}

std::string FormatTime(absl::Time time) {
  const absl::Time micro = absl::FromUnixMicros(absl::ToUnixMicros(time));
  const bool whole = micro == absl::FromUnixSeconds(absl::ToUnixSeconds(micro));
  return absl::FormatTime(whole ? "%E4Y-%m-%dT%H:%M:%SZ" : "%E4Y-%m-%dT%H:%M:%E6SZ", micro,
                          absl::UTCTimeZone());
}

}  // namespace kr::crds
