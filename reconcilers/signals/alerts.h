#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"

namespace kr::signals {

using Labels = std::map<std::string, std::string>;

// What Alertmanager says about one alert. Its labels are its identity.
struct Alert {
  Labels labels;
  bool firing = false;
  absl::Time starts_at;
  std::string summary;  // for people: the annotation summary, description or message
};

// The alerts that fire, as far as Alertmanager has said. Nothing is kept over a restart: it repeats
// what fires, so an alert counts until it is said to be resolved or is not repeated any more, and
// only after one period of repetition is silence an answer. Engine thread only.
class Alerts {
 public:
  static constexpr size_t kMaxAlerts = 10'000;

  // What was heard before is forgotten: now this process is the one that is told.
  void Listen(absl::Time now, absl::Duration repeated_within);
  void Stop();
  // InfiniteFuture while nobody listens.
  absl::Time silence_means_resolved_from() const { return listening_since_ + repeated_within_; }

  // False when there is no room for another one.
  bool Hear(const Alert& alert, absl::Time now);

  // The last word about one.
  struct Word {
    Alert alert;
    absl::Time heard;
    absl::Time until;  // it counts no longer than that without another word
  };
  // Those about alerts with that label: what fires, and until silence says as much, what is
  // resolved.
  void ForEach(std::string_view label, std::string_view value, absl::Time now,
               absl::FunctionRef<void(const Word&)> visit) const;
  size_t size() const { return words_.size(); }

 private:
  void Forget(std::map<Labels, Word>::iterator it);

  std::map<Labels, Word> words_;
  std::map<std::pair<std::string, std::string>, std::set<const Word*>> by_label_;
  absl::Time listening_since_ = absl::InfiniteFuture();
  absl::Duration repeated_within_ = absl::ZeroDuration();
};

}  // namespace kr::signals
