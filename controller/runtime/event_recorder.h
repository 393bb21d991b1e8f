#pragma once

#include <cstddef>
#include <memory>

#include "controller/base/random.h"
#include "controller/runtime/api_sender.h"
#include "controller/runtime/engine.h"
#include "controller/runtime/event_series.h"
#include "controller/runtime/runtime_metrics.h"

namespace kr::runtime {

// Where code that decides reports what people should see. Engine thread only; never blocks, never
// fails: events are best effort.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void Record(const Event& event) = 0;
};

// Writes events.k8s.io/v1 through an ApiSender on its background lane. Repetitions become series
// (event_series.h). At most `max_queued` writes wait; beyond that occurrences are dropped and
// counted. A write that the server could not take (5xx, 429, no connection) is tried again up to
// 12 times about 10 s apart; one that it refuses is dropped.
class EventRecorder final : public EventSink {
 public:
  struct Options {
    size_t max_queued = 1000;
    size_t max_in_flight = 2;
    int max_tries = 12;
    absl::Duration retry_wait = absl::Seconds(10);
    absl::Duration sweep_interval = absl::Minutes(1);
    absl::Duration request_timeout = absl::Seconds(10);
  };

  // All references must outlive the recorder, which must be destroyed on the engine thread or
  // after the engine has stopped.
  EventRecorder(EventSource source, ApiSender& sender, Engine& engine, Random& random,
                EventMetrics metrics)
      : EventRecorder(std::move(source), sender, engine, random, metrics, Options()) {}
  EventRecorder(EventSource source, ApiSender& sender, Engine& engine, Random& random,
                EventMetrics metrics, Options options);
  ~EventRecorder() override;

  void Record(const Event& event) override;

  // Nothing waits and nothing is in flight: what a graceful stop waits for.
  bool idle() const;

 private:
  struct Core;
  std::shared_ptr<Core> core_;  // answers that come after the recorder find it gone
};

}  // namespace kr::runtime
