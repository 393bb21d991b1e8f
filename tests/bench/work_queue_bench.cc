// The work queue with 100,000 keys: what handing one out costs, alone and among many that wait, and
// what the queue remembers about a key.

#include <cstdint>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <malloc.h>

#include "controller/runtime/work_queue.h"

namespace kr::runtime {
namespace {

constexpr int kKeys = 100'000;

// As long as the keys of targets are: policy, namespace and name.
const std::vector<std::string>& Keys() {
  static const std::vector<std::string> keys = [] {
    std::vector<std::string> made;
    for (int i = 0; i < kKeys; ++i) {
      made.push_back("node-runtime-stuck/team-" + std::to_string(i % 120) + "/checkout-api-" +
                     std::to_string(i));
    }
    return made;
  }();
  return keys;
}

size_t HeapBytes() {
  return mallinfo2().uordblks;
}

// A change of a target, judged at once, with nothing else to do.
void AddGetDone(benchmark::State& state) {
  WorkQueue<std::string> queue;
  const MonotonicTime now;
  size_t i = 0;
  for (auto _ : state) {
    queue.Add(Keys()[i++ % kKeys]);
    const auto key = queue.Get(now);
    queue.Done(*key, absl::ZeroDuration(), now);
  }
}
BENCHMARK(AddGetDone);

// The same target changes again and again before its turn comes.
void AddKnown(benchmark::State& state) {
  WorkQueue<std::string> queue;
  for (const std::string& key : Keys()) queue.Add(key);
  size_t i = 0;
  for (auto _ : state) queue.Add(Keys()[i++ % kKeys]);
}
BENCHMARK(AddKnown);

// All targets are to be judged again, as after a list.
void AddAllThenDrain(benchmark::State& state) {
  const MonotonicTime now;
  for (auto _ : state) {
    WorkQueue<std::string> queue;
    for (const std::string& key : Keys()) queue.Add(key);
    while (const auto key = queue.Get(now)) queue.Done(*key, absl::ZeroDuration(), now);
  }
  state.SetItemsProcessed(state.iterations() * kKeys);
}
BENCHMARK(AddAllThenDrain)->Unit(benchmark::kMillisecond);

// An evaluation says until when it holds: each key gets a time, and gets another before it comes.
void MoveTimer(benchmark::State& state) {
  WorkQueue<std::string> queue;
  const MonotonicTime now;
  const size_t before = HeapBytes();
  for (int i = 0; i < kKeys; ++i)
    queue.AddAt(Keys()[i], now + absl::Hours(2) + absl::Seconds(i), now);
  state.counters["bytes_per_waiting_key"] = static_cast<double>(HeapBytes() - before) / kKeys;
  int64_t i = 0;
  for (auto _ : state) {
    // Only an earlier time replaces one that waits.
    queue.AddAt(Keys()[static_cast<size_t>(i % kKeys)],
                now + absl::Hours(2) - absl::Microseconds(i), now);
    ++i;
  }
}
BENCHMARK(MoveTimer);

// What failed is tried again later, and later each time.
void RetryWithBackoff(benchmark::State& state) {
  WorkQueue<std::string> queue;
  MonotonicTime now;
  size_t i = 0;
  for (auto _ : state) {
    const std::string& key = Keys()[i++ % kKeys];
    queue.AddRateLimited(key, now);
    now = *queue.NextReady();
    const auto ready = queue.Get(now);
    queue.Done(*ready, absl::ZeroDuration(), now);
  }
}
BENCHMARK(RetryWithBackoff);

}  // namespace
}  // namespace kr::runtime
