#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "controller/cache/inbox.h"
#include "controller/kube/http.h"

namespace kr::cache {

// Lets streams run no further ahead of the engine than its queue allows: who is asked to pause is
// resumed when the queue has drained. One for all streams.
class FlowControl {
 public:
  // Both must outlive it.
  FlowControl(Inbox& inbox, kube::StreamTransport& transport);

  // Any thread. True asks the caller to stop reading and to say how it is resumed.
  bool Post(size_t weight_bytes, absl::AnyInvocable<void()> input) {
    return inbox_.Post(weight_bytes, std::move(input));
  }
  // Stream thread, in the same handler call in which Post said true. `resume` runs once, on the
  // stream thread.
  void WhenDrained(std::function<void()> resume) { waiting_->push_back(std::move(resume)); }

 private:
  Inbox& inbox_;
  // Stream thread only; shared with the tasks that resume.
  std::shared_ptr<std::vector<std::function<void()>>> waiting_;
};

}  // namespace kr::cache
