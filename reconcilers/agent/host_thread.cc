#include "reconcilers/agent/host_thread.h"

#include <utility>

namespace kr::agent {

HostThread::HostThread(std::function<Status()> enter)
    : thread_([this, enter = std::move(enter)] { Loop(enter); }) {
  std::unique_lock lock(mu_);
  changed_.wait(lock, [this] { return ready_; });
}

HostThread::~HostThread() {
  {
    const std::lock_guard lock(mu_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void HostThread::Do(const std::function<void()>& work) {
  if (!entered_.ok()) return;
  std::unique_lock lock(mu_);
  work_ = &work;
  changed_.notify_all();
  changed_.wait(lock, [this] { return work_ == nullptr; });
}

void HostThread::Loop(const std::function<Status()>& enter) {
  Status entered = enter();
  std::unique_lock lock(mu_);
  entered_ = std::move(entered);
  ready_ = true;
  changed_.notify_all();
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || work_ != nullptr; });
    if (work_ == nullptr) return;
    const std::function<void()>& work = *work_;
    lock.unlock();
    work();
    lock.lock();
    work_ = nullptr;
    changed_.notify_all();
  }
}

}  // namespace kr::agent
