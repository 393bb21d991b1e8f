#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "controller/base/status.h"

namespace kr::agent {

// The one thread that sees the host as its own machine. Everything about the API server (its
// address, our token) stays outside: those files are our container's.
class HostThread {
 public:
  // Runs `enter` (EnterHost; tests: nothing) first, on that thread.
  explicit HostThread(std::function<Status()> enter);
  ~HostThread();
  HostThread(const HostThread&) = delete;
  HostThread& operator=(const HostThread&) = delete;

  // What `enter` said. Nothing is run when it is an error.
  Status entered() const { return entered_; }
  // Runs `work` there and returns when it is done. One caller at a time.
  void Do(const std::function<void()>& work);

 private:
  void Loop(const std::function<Status()>& enter);

  std::mutex mu_;
  std::condition_variable changed_;
  const std::function<void()>* work_ = nullptr;
  bool ready_ = false;
  bool stopping_ = false;
  Status entered_;
  std::thread thread_;
};

}  // namespace kr::agent
