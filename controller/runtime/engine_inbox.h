#pragma once

#include <cstddef>
#include <functional>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "controller/cache/inbox.h"
#include "controller/runtime/engine.h"

namespace kr::runtime {

// The engine's queue as the cache sees it. `engine` must outlive it. Thread-safe.
class EngineInbox final : public cache::Inbox {
 public:
  explicit EngineInbox(Engine& engine) : engine_(engine) {}
  bool Post(size_t weight_bytes, absl::AnyInvocable<void()> input) override {
    return engine_.Post(weight_bytes, std::move(input));
  }
  void AddDrainListener(std::function<void()> listener) override {
    engine_.AddDrainListener(std::move(listener));
  }

 private:
  Engine& engine_;
};

}  // namespace kr::runtime
