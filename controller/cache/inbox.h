#pragma once

#include <cstddef>
#include <functional>

#include "absl/functional/any_invocable.h"

namespace kr::cache {

// The way from the stream thread to the engine thread: the engine's input queue, as this library
// sees it.
class Inbox {
 public:
  virtual ~Inbox() = default;

  // Any thread; never blocks and always takes the input, which holds about `weight_bytes` of
  // memory. True asks the poster to pause; each true is followed by a call of the drain listeners.
  virtual bool Post(size_t weight_bytes, absl::AnyInvocable<void()> input) = 0;

  // `listener` runs on the engine thread whenever a queue that asked for a pause has drained.
  virtual void AddDrainListener(std::function<void()> listener) = 0;
};

}  // namespace kr::cache
