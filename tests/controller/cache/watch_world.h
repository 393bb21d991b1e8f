#pragma once

#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "controller/base/random.h"
#include "controller/cache/flow_control.h"
#include "controller/cache/inbox.h"
#include "controller/cache/reflector.h"
#include "controller/document/decoder.h"
#include "tests/support/fake_api_server.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_stream_transport.h"

namespace kr::cache {

// The engine's queue, run by hand.
class FakeInbox final : public Inbox {
 public:
  size_t limit = 1 << 30;

  bool Post(size_t weight_bytes, absl::AnyInvocable<void()> input) override {
    queue_.emplace_back(weight_bytes, std::move(input));
    bytes_ += weight_bytes;
    if (bytes_ > limit) over_ = true;
    return over_;
  }
  void AddDrainListener(std::function<void()> listener) override {
    listeners_.push_back(std::move(listener));
  }

  bool RunOne() {
    if (queue_.empty()) return false;
    auto [weight, input] = std::move(queue_.front());
    queue_.pop_front();
    input();
    bytes_ -= weight;
    if (over_ && bytes_ <= limit / 2) {
      over_ = false;
      for (const auto& listener : listeners_) listener();
    }
    return true;
  }
  size_t bytes() const { return bytes_; }
  size_t inputs() const { return queue_.size(); }

 private:
  std::deque<std::pair<size_t, absl::AnyInvocable<void()>>> queue_;
  std::vector<std::function<void()>> listeners_;
  size_t bytes_ = 0;
  bool over_ = false;
};

// Both threads, the API server and time, in one place and one thread.
struct WatchWorld {
  kr::testing::FakeClock clock;
  SeededRandom random{7};
  kr::testing::FakeStreamTransport transport{clock};
  kr::testing::FakeApiServer server{transport, random};
  FakeInbox inbox;
  FlowControl flow{inbox, transport};
  document::Decoder decoder;
  WatchMeter* meter = nullptr;

  WatchContext context() { return {transport, flow, clock, random, decoder, meter}; }

  // Until nothing more happens at this time.
  void Run() {
    bool busy = true;
    while (busy) {
      const size_t opened = transport.opened();
      busy = transport.RunDue();
      server.Serve();
      while (inbox.RunOne()) busy = true;
      busy = busy || transport.opened() != opened;
    }
  }
  // Lets `duration` pass, stopping wherever something is due.
  void Advance(absl::Duration duration) {
    Run();
    while (duration > absl::ZeroDuration()) {
      const absl::Duration step = std::min(duration, transport.NextDue().value_or(duration));
      clock.Advance(step);
      duration -= step;
      Run();
    }
  }
};

inline kube::Resource Pods() {
  return {{"", "v1", "Pod"}, "pods", true};
}
inline kube::Resource Nodes() {
  return {{"", "v1", "Node"}, "nodes", false};
}

inline nlohmann::json PodJson(const std::string& name_space, const std::string& name,
                              const std::string& node = "") {
  nlohmann::json pod = {{"metadata", {{"namespace", name_space}, {"name", name}}},
                        {"spec", {{"containers", {{{"name", "main"}}}}}}};
  if (!node.empty()) pod["spec"]["nodeName"] = node;
  return pod;
}

inline nlohmann::json NodeJson(const std::string& name) {
  return {{"metadata", {{"name", name}}}, {"status", {{"phase", "Up"}}}};
}

}  // namespace kr::cache
