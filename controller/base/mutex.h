#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "controller/base/clock.h"

// An annotated std::mutex: Debian's absl::Mutex lives in an uninstrumented library, which
// ThreadSanitizer reports as races (abseil-cpp #1239).
namespace kr {

class ABSL_LOCKABLE Mutex {
 public:
  void lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { mu_.lock(); }
  void unlock() ABSL_UNLOCK_FUNCTION() { mu_.unlock(); }

 private:
  std::mutex mu_;
};

class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex& mu) ABSL_EXCLUSIVE_LOCK_FUNCTION(mu) : mu_(mu) { mu_.lock(); }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mu_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mu_;
};

// Waits always have a predicate, a stop and a deadline.
class CondVar {
 public:
  void NotifyOne() { cv_.notify_one(); }
  void NotifyAll() { cv_.notify_all(); }

  // Until `done()` holds, `stop` is requested or `timeout` has passed. Returns done().
  // `mu` is held on entry and on return, and while done() runs.
  template <typename Predicate>
  bool Wait(Mutex& mu, std::stop_token stop, absl::Duration timeout, Predicate done) {
    // An infinite or huge wait would overflow the system clock's range.
    const absl::Duration capped = timeout < absl::Hours(24) ? timeout : absl::Hours(24);
    return cv_.wait_for(mu, std::move(stop), absl::ToChronoNanoseconds(capped), std::move(done));
  }

 private:
  std::condition_variable_any cv_;
};

}  // namespace kr
