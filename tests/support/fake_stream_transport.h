#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/clock.h"
#include "controller/kube/http.h"

namespace kr::testing {

// A stream thread that runs only when a test says so, and whose streams the test plays.
// Not thread-safe.
class FakeStreamTransport final : public kube::StreamTransport {
 public:
  // A stream that was opened, in the order of opening.
  struct Opened {
    kube::HttpRequest request;
    absl::Duration hard_stop;
    kube::StreamHandler* handler = nullptr;
    bool open = true;  // false: ended, or destroyed by its owner
    bool paused = false;
    std::deque<std::function<void()>> held;  // what the server did while it was paused
  };

  explicit FakeStreamTransport(const Clock& clock) : clock_(clock) {}

  std::unique_ptr<kube::Stream> Open(const kube::HttpRequest& request, absl::Duration hard_stop,
                                     kube::StreamHandler& handler) override;
  void Post(std::function<void()> task, absl::Duration delay = absl::ZeroDuration()) override;

  // Runs the tasks that are due, also those that they post; whether there were any.
  bool RunDue();
  // How long until the next task is due; nullopt when there is none.
  std::optional<absl::Duration> NextDue() const;

  // The process died: what was posted is never run.
  void DropTasks() { tasks_.clear(); }

  size_t opened() const { return streams_.size(); }
  Opened& stream(size_t index) { return streams_[index]; }
  Opened& last() { return streams_.back(); }

  // The server's part. Nothing happens on a stream that is not open; what is done to a paused one
  // happens when it is resumed.
  void Headers(Opened& stream, int code, std::map<std::string, std::string> headers = {});
  void Data(Opened& stream, std::string_view bytes);
  void End(Opened& stream, Status status = OkStatus());
  // Headers, body and end at once.
  void Answer(Opened& stream, int code, std::string_view body,
              std::map<std::string, std::string> headers = {});

 private:
  class FakeStream;
  void Play(Opened& stream, std::function<void()> act);
  void Flush(Opened& stream);

  struct Task {
    MonotonicTime due;
    std::function<void()> run;
  };

  const Clock& clock_;
  std::deque<Opened> streams_;  // references stay valid
  std::deque<Task> tasks_;      // in order of posting
};

}  // namespace kr::testing
