#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "controller/base/clock.h"

namespace kr::runtime {

// Names a timer until it has run or was cancelled; never used again. 0 is no timer.
enum class TimerId : uint64_t { kNone = 0 };

// Tasks by time. Tasks with the same time come out in the order in which they were added, so that
// what runs is a function of what was asked for. Not thread-safe.
class TimerHeap {
 public:
  using Task = absl::AnyInvocable<void()>;

  TimerId Add(MonotonicTime when, Task task);
  // Whether it was still waiting. Its task is destroyed at once.
  bool Cancel(TimerId id);
  // The time of the earliest timer.
  std::optional<MonotonicTime> Next() const;
  // Takes the earliest timer out when it is due at `now`.
  std::optional<Task> PopDue(MonotonicTime now);
  size_t size() const { return tasks_.size(); }

 private:
  struct Slot {
    MonotonicTime when;
    TimerId id;
  };
  static bool Later(const Slot& a, const Slot& b);
  void DropCancelled();

  uint64_t last_id_ = 0;
  std::vector<Slot> heap_;  // may hold slots of cancelled timers, but never at the top
  absl::flat_hash_map<TimerId, Task> tasks_;
};

}  // namespace kr::runtime
