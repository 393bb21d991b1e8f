#pragma once

#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "controller/base/clock.h"
#include "controller/kube/http.h"
#include "reconcilers/sandbox/object_store.h"

namespace kr::sandbox {

// Lists and watches over an ObjectStore. There is no stream thread: whoever owns it says when it
// runs. Not thread-safe.
class Streams final : public kube::StreamTransport {
 public:
  // Both must outlive it.
  Streams(const Clock& clock, ObjectStore& store) : clock_(clock), store_(store) {}

  std::unique_ptr<kube::Stream> Open(const kube::HttpRequest& request, absl::Duration hard_stop,
                                     kube::StreamHandler& handler) override;
  void Post(std::function<void()> task, absl::Duration delay = absl::ZeroDuration()) override;

  // Runs what is due and hands out what has changed; whether there was anything.
  bool Run();
  // When the next task is due.
  std::optional<MonotonicTime> NextDue() const;

 private:
  struct Watch {
    kube::HttpRequest request;
    Query query;
    kube::StreamHandler* handler;
    bool begun = false;
    bool open = true;
    bool paused = false;
    size_t seen = 0;                // of store_.changes()
    std::deque<std::string> lines;  // to be handed out
  };
  class Handle;
  struct Task {
    MonotonicTime due;
    std::function<void()> run;
  };

  void Begin(Watch& watch);
  bool Serve(Watch& watch);

  const Clock& clock_;
  ObjectStore& store_;
  std::list<std::shared_ptr<Watch>> watches_;
  std::deque<Task> tasks_;
};

}  // namespace kr::sandbox
