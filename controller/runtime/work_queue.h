#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "controller/base/clock.h"

namespace kr::runtime {

struct WorkQueueOptions {
  // A key waits this many times its last processing time before it is handed out again, so that
  // one expensive key cannot take more than a twentieth of the thread. Waits under the floor are
  // not worth keeping.
  double spacing_factor = 20;
  absl::Duration spacing_floor = absl::Milliseconds(1);
  // AddRateLimited waits base * 2^failures up to max (client-go's defaults).
  absl::Duration backoff_base = absl::Milliseconds(5);
  absl::Duration backoff_max = absl::Seconds(1000);
};

// base * 2^failures, at most max.
absl::Duration ExponentialDelay(absl::Duration base, absl::Duration max, int failures);

// What is to be done, by key, with the rules of client-go's workqueue:
// - fair: keys come out in the order in which they became ready;
// - stingy: a key that is added several times before it is handed out comes out once;
// - a key that is added while it is being processed comes out again after Done, never before;
// - AddAt: of several times for one key the earliest wins;
// - ShutDown: later adds are ignored, waiting times are forgotten, what needs work still comes out.
// New here is the spacing of WorkQueueOptions. A key about which there is nothing to remember costs
// no memory. Time is always an argument, so the queue is a plain state machine. Not thread-safe: it
// belongs to the engine thread.
template <typename Key>
class WorkQueue {
 public:
  explicit WorkQueue(WorkQueueOptions options = {}) : options_(options) {}

  void Add(const Key& key);
  // Adds the key at `when`, which may be past.
  void AddAt(const Key& key, MonotonicTime when, MonotonicTime now);
  void AddAfter(const Key& key, absl::Duration delay, MonotonicTime now);
  // AddAfter with a delay that doubles with each call since the last Forget.
  void AddRateLimited(const Key& key, MonotonicTime now);
  // The key succeeded, or nobody cares any more: its failures count no longer.
  void Forget(const Key& key);
  // Calls of AddRateLimited since the last Forget.
  int failures(const Key& key) const;

  // The next ready key, which is then being processed until Done; nullopt when nothing is ready.
  std::optional<Key> Get(MonotonicTime now);
  // `busy` is the time that processing took on this thread (not waiting for answers).
  void Done(const Key& key, absl::Duration busy, MonotonicTime now);

  // When to call Get again: a time in the past when a key is ready, nullopt when nothing waits.
  std::optional<MonotonicTime> NextReady() const;
  void ShutDown();

  // Keys that are ready.
  size_t size() const { return ready_.size(); }
  // Keys about which something is remembered, for tests and memory accounts.
  size_t tracked() const { return entries_.size(); }

 private:
  using Slot = std::pair<MonotonicTime, uint64_t>;  // time, order of arrival
  struct Entry {
    bool dirty = false;       // needs processing
    bool processing = false;  // handed out
    int failures = 0;
    std::optional<Slot> delayed;  // AddAt: becomes dirty then
    std::optional<Slot> spaced;   // Done: is not handed out before
  };

  void MarkDirty(const Key& key, Entry& entry);
  Slot AddTimer(const Key& key, MonotonicTime when);
  void FireTimers(MonotonicTime now);
  void EraseIfForgettable(const Key& key);

  WorkQueueOptions options_;
  absl::flat_hash_map<Key, Entry> entries_;
  std::deque<Key> ready_;
  std::map<Slot, Key> timers_;
  uint64_t arrivals_ = 0;
  bool shut_down_ = false;
};

}  // namespace kr::runtime

#include "controller/runtime/work_queue_inl.h"  // IWYU pragma: export
