#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "controller/cache/event_facts.h"

namespace kr::cache {

// How often one thing happened to one object lately: bounded memory, no clock of its own.
//
// Events are counters that jump: an update adds what its count has grown by, at the event's time.
// The first sight of one counts once, unless it began after the process did: what it counted
// before may have been dealt with long ago. The same event seen again counts nothing, and its
// deletion (they live for an hour) takes nothing back.
class EventRing {
 public:
  static constexpr size_t kCapacity = 64;  // of moments, and of events remembered

  // `process_start` by the server's clock. What began before `whole_since` may have been counted in
  // part already. Returns by how much the count grew.
  int64_t Add(const EventFacts& event, absl::Time process_start, absl::Time whole_since,
              absl::Time now);

  // How often within the `window` that ends now.
  int64_t Count(absl::Duration window, absl::Time now) const;
  // When the first of those happened; InfiniteFuture when there is none.
  absl::Time First(absl::Duration window, absl::Time now) const;
  // When Count will fall below `n` if nothing more happens: `now` when it already is; n >= 1.
  absl::Time FallsBelow(int64_t n, absl::Duration window, absl::Time now) const;
  // The same for what happened after `since` only.
  int64_t CountSince(absl::Time since) const;

  // Of the latest that was counted; InfinitePast and "" when there was none.
  absl::Time last() const { return last_; }
  const std::string& last_message() const { return last_message_; }

 private:
  struct Moment {
    absl::Time time;
    int64_t count;
  };
  struct Seen {
    std::string uid;
    int64_t count;
  };

  void Record(absl::Time time, int64_t count);

  std::vector<Moment> moments_;  // by time
  std::vector<Seen> seen_;       // least recently seen first
  bool forgot_ = false;          // some event was dropped from seen_
  absl::Time last_ = absl::InfinitePast();
  std::string last_message_;
};

// The rings of all sources. A source is what somebody counts (a named event source of a policy),
// an object is what the events are about. Rings that nobody can count any more go by themselves.
class EventRings {
 public:
  // A ring stays for as long as somebody counts it, and at least this long: an Event that is
  // updated after its ring is gone counts once, whatever it says.
  static constexpr absl::Duration kKept = absl::Hours(1);

  // Rings beyond `max_rings` push out the one that was quiet for longest.
  explicit EventRings(absl::Time process_start, size_t max_rings = 100'000)
      : process_start_(process_start), max_rings_(max_rings), forgotten_(process_start) {}

  // `window` is the longest that the source counts.
  int64_t Add(const std::string& source, const std::string& object, const EventFacts& event,
              absl::Duration window, absl::Time now);
  // Null when nothing was counted.
  const EventRing* Find(const std::string& source, const std::string& object) const;
  // The objects of a source.
  void ForEach(const std::string& source,
               absl::FunctionRef<void(const std::string& object, const EventRing&)> visit) const;
  size_t size() const { return rings_.size(); }

 private:
  struct Slot;
  using Rings = std::map<std::pair<std::string, std::string>, Slot>;
  struct Slot {
    EventRing ring;
    absl::Duration kept;
    std::list<Rings::iterator>::iterator age;
  };

  void Drop(Rings::iterator ring);
  void Prune(absl::Time now);

  const absl::Time process_start_;
  const size_t max_rings_;
  Rings rings_;
  std::list<Rings::iterator> ages_;  // quiet for longest first
  // Of what began before, a part may have been in a ring that is gone.
  absl::Time forgotten_;
  size_t added_ = 0;  // since rings were last looked through
};

}  // namespace kr::cache
