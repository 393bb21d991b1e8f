#include "controller/runtime/timer_heap.h"

#include <algorithm>
#include <utility>

namespace kr::runtime {

// Ids grow, so the id breaks ties in the order of adding.
bool TimerHeap::Later(const Slot& a, const Slot& b) {
  return a.when == b.when ? a.id > b.id : a.when > b.when;
}

TimerId TimerHeap::Add(MonotonicTime when, Task task) {
  const TimerId id{++last_id_};
  tasks_.emplace(id, std::move(task));
  heap_.push_back({when, id});
  std::push_heap(heap_.begin(), heap_.end(), Later);
  return id;
}

bool TimerHeap::Cancel(TimerId id) {
  if (tasks_.erase(id) == 0) return false;
  DropCancelled();
  return true;
}

std::optional<MonotonicTime> TimerHeap::Next() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front().when;
}

std::optional<TimerHeap::Task> TimerHeap::PopDue(MonotonicTime now) {
  if (heap_.empty() || heap_.front().when > now) return std::nullopt;
  auto it = tasks_.find(heap_.front().id);
  Task task = std::move(it->second);
  tasks_.erase(it);
  DropCancelled();
  return task;
}

void TimerHeap::DropCancelled() {
  // Timers that are set and cancelled over and over (a deadline per target) would pile up below
  // the top, so the heap is rebuilt when most of it is dead.
  if (heap_.size() > 2 * tasks_.size() + 64) {
    std::erase_if(heap_, [this](const Slot& slot) { return !tasks_.contains(slot.id); });
    std::make_heap(heap_.begin(), heap_.end(), Later);
  }
  while (!heap_.empty() && !tasks_.contains(heap_.front().id)) {
    std::pop_heap(heap_.begin(), heap_.end(), Later);
    heap_.pop_back();
  }
}

}  // namespace kr::runtime
