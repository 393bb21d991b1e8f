#pragma once

#include "controller/cache/watch_counters.h"
#include "controller/runtime/metrics.h"

// What every controller of this kind counts about itself. Each part takes its own struct; a
// default-made one counts nothing. Label values are bounded: resources, verbs, codes; never
// objects.
namespace kr::runtime {

struct EngineMetrics {
  Gauge queue_bytes;        // weight of the inputs that wait
  Gauge queue_depth;        // inputs that wait
  Histogram input_seconds;  // duration of one input
  Counter exceptions;       // inputs, timers and idle slices that threw
  Counter pauses;           // times the queue went over its limit
};

// All by {resource}: "apps/v1/daemonsets", "v1/pods".
struct WatchMetrics final : cache::WatchMeter {
  CounterFamily events;
  CounterFamily bytes;
  CounterFamily lists;
  CounterFamily watches;
  CounterFamily problems;

  void Count(const kube::Resource& resource, const cache::WatchCounters& added) override;
};

struct RequestMetrics {
  CounterFamily total;      // {verb, code}; code is "error" when there was no answer
  HistogramFamily seconds;  // {verb}
  Gauge queued;             // requests that wait for a worker
  Counter refused;          // writes that the permit did not cover
};

struct LeaderMetrics {
  Gauge leader;      // 1 while this process leads
  Counter renewals;  // successful
  Counter failures;  // attempts to acquire or renew that failed with an error
};

struct EventMetrics {
  Counter recorded;  // occurrences handed to the recorder
  Counter dropped;   // occurrences lost: queue full, or the server refused them
};

struct RuntimeMetrics {
  // Registers all of the above.
  explicit RuntimeMetrics(Metrics& metrics);

  EngineMetrics engine;
  WatchMetrics watch;
  RequestMetrics request;
  LeaderMetrics leader;
  EventMetrics event;
};

}  // namespace kr::runtime
