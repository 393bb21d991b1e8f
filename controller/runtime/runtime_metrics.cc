#include "controller/runtime/runtime_metrics.h"

#include <string>

namespace kr::runtime {

RuntimeMetrics::RuntimeMetrics(Metrics& metrics) {
  engine.queue_bytes = metrics.AddGauge("engine_queue_bytes", "Weight of the inputs that wait.");
  engine.queue_depth = metrics.AddGauge("engine_queue_depth", "Number of inputs that wait.");
  engine.input_seconds =
      metrics.AddHistogram("engine_input_duration_seconds",
                           "Time that the engine spent on one input.", LatencyBuckets());
  engine.exceptions =
      metrics.AddCounter("engine_exceptions_total", "Inputs, timers and idle slices that threw.");
  engine.pauses =
      metrics.AddCounter("engine_queue_pauses_total", "Times that the queue went over its limit.");

  watch.events = metrics.AddCounters("watch_events_total",
                                     "Watch events received, bookmarks included.", {"resource"});
  watch.bytes = metrics.AddCounters(
      "watch_bytes_total", "Bytes received by lists and watches, uncompressed.", {"resource"});
  watch.lists = metrics.AddCounters("watch_lists_total",
                                    "Full lists begun: more than one is a re-list.", {"resource"});
  watch.watches =
      metrics.AddCounters("watch_streams_total",
                          "Watches opened: the server ends each after some minutes.", {"resource"});
  watch.problems = metrics.AddCounters("watch_problems_total",
                                       "Times that a watch was refused, cut off or not understood.",
                                       {"resource"});

  request.total =
      metrics.AddCounters("api_requests_total", "Requests to the API server.", {"verb", "code"});
  request.seconds = metrics.AddHistograms("api_request_duration_seconds",
                                          "Time from sending a request to its answer.", {"verb"},
                                          LatencyBuckets());
  request.queued = metrics.AddGauge("api_requests_queued", "Requests that wait for a worker.");
  request.refused =
      metrics.AddCounter("api_writes_refused_total", "Writes that the write permit did not cover.");
  for (const char* verb : {"GET", "POST", "PUT", "PATCH", "DELETE"}) {
    request.seconds.With({verb});
    request.total.With({verb, verb == std::string_view("POST") ? "201" : "200"});
  }

  leader.leader = metrics.AddGauge("leader", "1 while this process leads, otherwise 0.");
  leader.renewals = metrics.AddCounter("leader_renewals_total", "Successful lease renewals.");
  leader.failures = metrics.AddCounter(
      "leader_failures_total", "Attempts to acquire or renew the lease that ended in an error.");

  event.recorded = metrics.AddCounter("events_recorded_total", "Occurrences that were recorded.");
  event.dropped = metrics.AddCounter("events_dropped_total",
                                     "Occurrences that were lost: queue full, or refused.");
}

void WatchMetrics::Count(const kube::Resource& resource, const cache::WatchCounters& added) {
  const std::string label = resource.gvk.ApiVersion() + "/" + resource.plural;
  const auto add = [&](const CounterFamily& family, uint64_t count) {
    family.With({label}).Increment(static_cast<double>(count));
  };
  add(events, added.events);
  add(bytes, added.bytes);
  add(lists, added.lists);
  add(watches, added.watches);
  add(problems, added.problems);
}

}  // namespace kr::runtime
