#include "controller/runtime/engine.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "controller/base/log.h"

namespace kr::runtime {
namespace {

constexpr size_t kMaxLoggedExceptions = 64;

}  // namespace

Engine::Engine(Clock& clock, EngineMetrics metrics, Options options)
    : clock_(clock), metrics_(metrics), options_(options) {
  Beat();
}

bool Engine::Post(size_t weight_bytes, Task input) {
  bool wake = false;
  bool over = false;
  {
    MutexLock lock(mu_);
    wake = inputs_.empty();
    inputs_.push_back({weight_bytes, std::move(input)});
    bytes_ += weight_bytes;
    if (!over_limit_ && bytes_ > options_.queue_limit_bytes) {
      over_limit_ = true;
      metrics_.pauses.Increment();
    }
    over = over_limit_;
    metrics_.queue_bytes.Set(static_cast<double>(bytes_));
    metrics_.queue_depth.Set(static_cast<double>(inputs_.size()));
  }
  if (wake) wake_.NotifyOne();
  return over;
}

void Engine::AddDrainListener(std::function<void()> listener) {
  drain_listeners_.push_back(std::move(listener));
}

TimerId Engine::At(MonotonicTime when, Task task) {
  return timers_.Add(when, std::move(task));
}

TimerId Engine::After(absl::Duration delay, Task task) {
  return timers_.Add(clock_.Monotonic() + delay, std::move(task));
}

bool Engine::Cancel(TimerId id) {
  return timers_.Cancel(id);
}

void Engine::AddIdleWork(absl::AnyInvocable<bool()> slice) {
  idle_.push_back(std::move(slice));
}

void Engine::Run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    if (RunRound() > 0) continue;
    absl::Duration wait = options_.heartbeat;
    if (auto next = timers_.Next()) wait = std::min(wait, *next - clock_.Monotonic());
    MutexLock lock(mu_);
    wake_.Wait(mu_, stop, wait,
               [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return !inputs_.empty(); });
  }
}

size_t Engine::RunUntilIdle() {
  size_t total = 0;
  while (size_t ran = RunRound()) total += ran;
  return total;
}

size_t Engine::RunRound() {
  Beat();
  const size_t ran = size_t{RunTimer()} + size_t{RunInput()};
  return ran > 0 ? ran : size_t{RunIdleSlice()};
}

bool Engine::RunTimer() {
  std::optional<Task> task = timers_.PopDue(clock_.Monotonic());
  if (!task) return false;
  Guarded(std::move(*task));
  return true;
}

bool Engine::RunInput() {
  Input input;
  {
    MutexLock lock(mu_);
    if (inputs_.empty()) return false;
    input = std::move(inputs_.front());
    inputs_.pop_front();
  }
  const MonotonicTime start = clock_.Monotonic();
  Guarded(std::move(input.task));
  metrics_.input_seconds.Observe(absl::ToDoubleSeconds(clock_.Monotonic() - start));

  bool drained = false;
  {
    MutexLock lock(mu_);
    bytes_ -= input.weight;
    drained = over_limit_ && bytes_ <= options_.queue_limit_bytes / 2;
    if (drained) over_limit_ = false;
    metrics_.queue_bytes.Set(static_cast<double>(bytes_));
    metrics_.queue_depth.Set(static_cast<double>(inputs_.size()));
  }
  if (drained) {
    for (const auto& listener : drain_listeners_) Guarded([&] { listener(); });
  }
  return true;
}

bool Engine::RunIdleSlice() {
  if (idle_.empty()) return false;
  auto slice = std::move(idle_.front());
  idle_.pop_front();
  bool more = false;
  Guarded([&] { more = slice(); });
  if (more) idle_.push_back(std::move(slice));
  return true;
}

template <typename F>
void Engine::Guarded(F task) {
  try {
    task();
  } catch (const std::exception& e) {
    OnException(e.what());
  } catch (...) {
    OnException("not a std::exception");
  }
}

void Engine::OnException(std::string_view what) {
  metrics_.exceptions.Increment();
  if (logged_exceptions_.size() >= kMaxLoggedExceptions) return;
  if (!logged_exceptions_.emplace(what).second) return;
  log::Error("Caught exception on the engine thread", {{"what", what}});
}

void Engine::Beat() {
  beat_ns_.store(absl::ToInt64Nanoseconds(clock_.Monotonic().since_start()),
                 std::memory_order_relaxed);
}

MonotonicTime Engine::last_beat() const {
  return MonotonicTime(absl::Nanoseconds(beat_ns_.load(std::memory_order_relaxed)));
}

size_t Engine::queued_bytes() const {
  MutexLock lock(mu_);
  return bytes_;
}

size_t Engine::queued_inputs() const {
  MutexLock lock(mu_);
  return inputs_.size();
}

}  // namespace kr::runtime
