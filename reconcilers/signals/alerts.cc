#include "reconcilers/signals/alerts.h"

namespace kr::signals {

void Alerts::Listen(absl::Time now, absl::Duration repeated_within) {
  Stop();
  listening_since_ = now;
  repeated_within_ = repeated_within;
}

void Alerts::Stop() {
  by_label_.clear();
  words_.clear();
  listening_since_ = absl::InfiniteFuture();
}

void Alerts::Forget(std::map<Labels, Word>::iterator it) {
  for (const auto& label : it->first) {
    const auto index = by_label_.find(label);
    index->second.erase(&it->second);
    if (index->second.empty()) by_label_.erase(index);
  }
  words_.erase(it);
}

bool Alerts::Hear(const Alert& alert, absl::Time now) {
  const absl::Time until = alert.firing ? now + repeated_within_ : silence_means_resolved_from();
  const auto known = words_.find(alert.labels);
  if (until <= now) {
    if (known != words_.end()) Forget(known);
    return true;
  }
  if (known == words_.end() && words_.size() >= kMaxAlerts) {
    for (auto it = words_.begin(); it != words_.end();) {
      const auto old = it++;
      if (old->second.until <= now) Forget(old);
    }
    if (words_.size() >= kMaxAlerts) return false;
  }
  const auto [it, created] = words_.try_emplace(alert.labels);
  it->second = {.alert = alert, .heard = now, .until = until};
  if (created) {
    for (const auto& label : it->first) by_label_[label].insert(&it->second);
  }
  return true;
}

void Alerts::ForEach(std::string_view label, std::string_view value, absl::Time now,
                     absl::FunctionRef<void(const Word&)> visit) const {
  const auto index = by_label_.find(std::pair(std::string(label), std::string(value)));
  if (index == by_label_.end()) return;
  for (const Word* word : index->second) {
    if (word->until > now) visit(*word);
  }
}

}  // namespace kr::signals
