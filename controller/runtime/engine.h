#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "controller/base/clock.h"
#include "controller/base/mutex.h"
#include "controller/runtime/runtime_metrics.h"
#include "controller/runtime/timer_heap.h"

namespace kr::runtime {

// The loop of the engine thread, which owns all state: documents, stores, relations, episodes.
// Everything that happens is an input, a timer or a slice of idle work, one at a time: the earliest
// due timer and the oldest input take turns, so that neither starves the other, and idle work runs
// when there is neither. So the state is a function of the sequence of inputs and the clock, and
// needs no locks.
//
// Post, last_beat and the queue's numbers are for any thread. Everything else is for the engine
// thread: the one inside Run, or, before and instead of it, the one that owns the engine.
//
// An exception that leaves an input is caught and counted; each distinct text is logged once.
class Engine {
 public:
  using Task = absl::AnyInvocable<void()>;
  struct Options {
    // The weight of waiting inputs above which posters are asked to pause.
    size_t queue_limit_bytes = 16 << 20;
    // An idle engine wakes this often to show that it lives.
    absl::Duration heartbeat = absl::Seconds(1);
  };

  // `clock` must outlive the engine.
  Engine(Clock& clock, EngineMetrics metrics, Options options);
  Engine(Clock& clock, EngineMetrics metrics) : Engine(clock, metrics, Options()) {}
  explicit Engine(Clock& clock) : Engine(clock, EngineMetrics(), Options()) {}

  // Any thread; never blocks. Always takes the input; `weight_bytes` is the memory that it holds.
  // True asks the poster to pause: the queue went over its limit and has not drained since. Each
  // true is followed by a call of the drain listeners.
  bool Post(size_t weight_bytes, Task input);

  // `listener` is called on the engine thread whenever a queue that was over its limit has drained
  // to below half of it. Register before Run. A poster that pauses on its own thread and lets the
  // listener post its resumption to that thread misses nothing.
  void AddDrainListener(std::function<void()> listener);

  // One-shot timers. A time in the past is due at once, but never inside the call.
  TimerId At(MonotonicTime when, Task task);
  TimerId After(absl::Duration delay, Task task);
  // False when it has run or was cancelled before; kNone is allowed.
  bool Cancel(TimerId id);
  std::optional<MonotonicTime> NextTimer() const { return timers_.Next(); }

  // Low-priority work, called slice by slice while nothing else is due, until it returns false.
  // A slice should take about a millisecond. Several take turns.
  void AddIdleWork(absl::AnyInvocable<bool()> slice);

  // Until stop is requested; finishes the input at hand. Inputs that wait then are destroyed, not
  // run, with the engine. At most once at a time.
  void Run(std::stop_token stop);
  // Runs what is due, without waiting, and returns how many tasks that were. For tests (with a
  // fake clock: advance, RunUntilIdle) and for draining.
  size_t RunUntilIdle();

  MonotonicTime Now() const { return clock_.Monotonic(); }
  Clock& clock() { return clock_; }

  // When the loop last came round: what /healthz asks. Construction counts as the first time.
  MonotonicTime last_beat() const;
  size_t queued_bytes() const;
  size_t queued_inputs() const;

 private:
  struct Input {
    size_t weight;
    Task task;
  };

  // At most one timer and one input, or else one slice; how many ran.
  size_t RunRound();
  bool RunTimer();
  bool RunInput();
  bool RunIdleSlice();
  template <typename F>
  void Guarded(F task);
  void OnException(std::string_view what);
  void Beat();

  // Constant after construction.
  Clock& clock_;
  const EngineMetrics metrics_;
  const Options options_;

  // Engine thread only.
  TimerHeap timers_;
  std::deque<absl::AnyInvocable<bool()>> idle_;
  std::vector<std::function<void()>> drain_listeners_;
  std::set<std::string> logged_exceptions_;

  std::atomic<int64_t> beat_ns_;

  mutable Mutex mu_;
  CondVar wake_;
  std::deque<Input> inputs_ ABSL_GUARDED_BY(mu_);
  size_t bytes_ ABSL_GUARDED_BY(mu_) = 0;  // includes the input that runs now
  bool over_limit_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace kr::runtime
