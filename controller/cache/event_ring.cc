#include "controller/cache/event_ring.h"

#include <algorithm>
#include <utility>

namespace kr::cache {

namespace {

// Looking through all rings is paid for by so many additions.
constexpr size_t kPruneEvery = 1024;

}  // namespace

int64_t EventRing::Add(const EventFacts& event, absl::Time process_start, absl::Time whole_since,
                       absl::Time now) {
  // Somebody else's clock may be ahead of ours; their future must not count for ever.
  const absl::Time time = std::min(event.time, now);
  // Many timestamps are whole seconds: what happened in the second of the start counts.
  const bool before_start = time < absl::FromUnixSeconds(absl::ToUnixSeconds(process_start));

  int64_t grown;
  const auto seen = std::find_if(seen_.begin(), seen_.end(),
                                 [&](const Seen& other) { return other.uid == event.uid; });
  if (seen != seen_.end()) {
    grown = std::max(event.count - seen->count, int64_t{0});
    seen->count = std::max(seen->count, event.count);
    std::rotate(seen, seen + 1, seen_.end());
  } else {
    // Once something was forgotten, this may be a part of it that was counted already.
    grown = event.first_time > whole_since && !forgot_ ? event.count : 1;
    seen_.push_back({event.uid, event.count});
    if (seen_.size() > kCapacity) {
      seen_.erase(seen_.begin());
      forgot_ = true;
    }
  }
  if (grown == 0 || before_start) return 0;
  Record(time, grown);
  if (time >= last_) {
    last_ = time;
    last_message_ = event.message;
  }
  return grown;
}

void EventRing::Record(absl::Time time, int64_t count) {
  auto place = std::lower_bound(moments_.begin(), moments_.end(), time,
                                [](const Moment& moment, absl::Time t) { return moment.time < t; });
  if (place != moments_.end() && place->time == time) {
    place->count += count;
    return;
  }
  moments_.insert(place, {time, count});
  if (moments_.size() <= kCapacity) return;
  // The two oldest become one, at the older time: rather too few than too many.
  moments_[0].count += moments_[1].count;
  moments_.erase(moments_.begin() + 1);
}

int64_t EventRing::Count(absl::Duration window, absl::Time now) const {
  return CountSince(now - window);
}

int64_t EventRing::CountSince(absl::Time since) const {
  int64_t sum = 0;
  for (const Moment& moment : moments_) {
    if (moment.time > since) sum += moment.count;
  }
  return sum;
}

absl::Time EventRing::First(absl::Duration window, absl::Time now) const {
  for (const Moment& moment : moments_) {
    if (moment.time > now - window) return moment.time;
  }
  return absl::InfiniteFuture();
}

absl::Time EventRing::FallsBelow(int64_t n, absl::Duration window, absl::Time now) const {
  int64_t sum = 0;
  for (auto moment = moments_.rbegin(); moment != moments_.rend(); ++moment) {
    if (moment->time <= now - window) break;
    sum += moment->count;
    if (sum >= n) return moment->time + window;
  }
  return now;
}

int64_t EventRings::Add(const std::string& source, const std::string& object,
                        const EventFacts& event, absl::Duration window, absl::Time now) {
  if (++added_ >= kPruneEvery) Prune(now);
  const auto [it, created] = rings_.try_emplace({source, object});
  Slot& slot = it->second;
  if (created) {
    slot.kept = std::max(window, kKept);
    slot.age = ages_.insert(ages_.end(), it);
    if (rings_.size() > max_rings_) Drop(ages_.front());
  } else {
    ages_.splice(ages_.end(), ages_, slot.age);
  }
  return slot.ring.Add(event, process_start_, forgotten_, now);
}

const EventRing* EventRings::Find(const std::string& source, const std::string& object) const {
  const auto it = rings_.find({source, object});
  return it == rings_.end() ? nullptr : &it->second.ring;
}

void EventRings::ForEach(
    const std::string& source,
    absl::FunctionRef<void(const std::string& object, const EventRing&)> visit) const {
  for (auto it = rings_.lower_bound({source, std::string()});
       it != rings_.end() && it->first.first == source; ++it) {
    visit(it->first.second, it->second.ring);
  }
}

void EventRings::Prune(absl::Time now) {
  added_ = 0;
  for (auto it = rings_.begin(); it != rings_.end();) {
    const auto ring = it++;
    if (ring->second.ring.last() < now - ring->second.kept) Drop(ring);
  }
}

void EventRings::Drop(Rings::iterator ring) {
  forgotten_ = std::max(forgotten_, ring->second.ring.last());
  ages_.erase(ring->second.age);
  rings_.erase(ring);
}

}  // namespace kr::cache
