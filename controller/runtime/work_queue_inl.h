#pragma once

// The implementation of WorkQueue, which is a template. Invariant: a key is in ready_ exactly when
// it is dirty, not processing and not spaced.

#include <vector>

#include "controller/runtime/work_queue.h"

namespace kr::runtime {

template <typename Key>
void WorkQueue<Key>::Add(const Key& key) {
  if (shut_down_) return;
  MarkDirty(key, entries_[key]);
}

template <typename Key>
void WorkQueue<Key>::AddAt(const Key& key, MonotonicTime when, MonotonicTime now) {
  if (shut_down_) return;
  // A time that has come already is no reason to drop this later one.
  FireTimers(now);
  Entry& entry = entries_[key];
  if (entry.delayed && entry.delayed->first <= when) return;
  if (entry.delayed) timers_.erase(*entry.delayed);
  entry.delayed = AddTimer(key, when);
}

template <typename Key>
void WorkQueue<Key>::AddAfter(const Key& key, absl::Duration delay, MonotonicTime now) {
  if (delay <= absl::ZeroDuration()) {
    Add(key);
  } else {
    AddAt(key, now + delay, now);
  }
}

template <typename Key>
void WorkQueue<Key>::AddRateLimited(const Key& key, MonotonicTime now) {
  if (shut_down_) return;
  const int failures = entries_[key].failures++;
  AddAfter(key, ExponentialDelay(options_.backoff_base, options_.backoff_max, failures), now);
}

template <typename Key>
void WorkQueue<Key>::Forget(const Key& key) {
  auto it = entries_.find(key);
  if (it == entries_.end()) return;
  it->second.failures = 0;
  EraseIfForgettable(key);
}

template <typename Key>
int WorkQueue<Key>::failures(const Key& key) const {
  auto it = entries_.find(key);
  return it == entries_.end() ? 0 : it->second.failures;
}

template <typename Key>
std::optional<Key> WorkQueue<Key>::Get(MonotonicTime now) {
  FireTimers(now);
  if (ready_.empty()) return std::nullopt;
  Key key = std::move(ready_.front());
  ready_.pop_front();
  Entry& entry = entries_[key];
  entry.dirty = false;
  entry.processing = true;
  return key;
}

template <typename Key>
void WorkQueue<Key>::Done(const Key& key, absl::Duration busy, MonotonicTime now) {
  auto it = entries_.find(key);
  if (it == entries_.end() || !it->second.processing) return;
  Entry& entry = it->second;
  entry.processing = false;
  const absl::Duration spacing = busy * options_.spacing_factor;
  if (spacing >= options_.spacing_floor && !shut_down_) {
    entry.spaced = AddTimer(key, now + spacing);
  } else if (entry.dirty) {
    ready_.push_back(key);
  } else {
    EraseIfForgettable(key);
  }
}

template <typename Key>
std::optional<MonotonicTime> WorkQueue<Key>::NextReady() const {
  if (!ready_.empty()) return MonotonicTime(-absl::InfiniteDuration());
  if (timers_.empty()) return std::nullopt;
  return timers_.begin()->first.first;
}

template <typename Key>
void WorkQueue<Key>::ShutDown() {
  shut_down_ = true;
  std::vector<Key> waiting;
  for (const auto& [slot, key] : timers_) waiting.push_back(key);
  timers_.clear();
  for (const Key& key : waiting) {
    Entry& entry = entries_[key];
    if (entry.spaced && entry.dirty) ready_.push_back(key);
    entry.spaced.reset();
    entry.delayed.reset();
  }
  for (const Key& key : waiting) EraseIfForgettable(key);
}

template <typename Key>
void WorkQueue<Key>::MarkDirty(const Key& key, Entry& entry) {
  if (entry.dirty) return;
  entry.dirty = true;
  if (!entry.processing && !entry.spaced) ready_.push_back(key);
}

template <typename Key>
typename WorkQueue<Key>::Slot WorkQueue<Key>::AddTimer(const Key& key, MonotonicTime when) {
  const Slot slot(when, ++arrivals_);
  timers_.emplace(slot, key);
  return slot;
}

template <typename Key>
void WorkQueue<Key>::FireTimers(MonotonicTime now) {
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    auto node = timers_.extract(timers_.begin());
    const Key& key = node.mapped();
    Entry& entry = entries_[key];
    if (entry.delayed == node.key()) {
      entry.delayed.reset();
      MarkDirty(key, entry);
    } else {
      entry.spaced.reset();
      if (entry.dirty) ready_.push_back(key);
      EraseIfForgettable(key);
    }
  }
}

template <typename Key>
void WorkQueue<Key>::EraseIfForgettable(const Key& key) {
  auto it = entries_.find(key);
  if (it == entries_.end()) return;
  const Entry& entry = it->second;
  if (entry.dirty || entry.processing || entry.failures > 0 || entry.delayed || entry.spaced) {
    return;
  }
  entries_.erase(it);
}

}  // namespace kr::runtime
