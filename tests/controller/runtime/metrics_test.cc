#include "controller/runtime/metrics.h"

#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/runtime/runtime_metrics.h"

namespace kr::runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Metrics, SerializesInPrometheusTextFormat) {
  Metrics metrics("kube_remedy");
  metrics.AddCounter("things_total", "Things.").Increment(3);
  metrics.AddGauge("level", "Level.").Set(1.5);
  metrics.AddCounters("verbs_total", "By verb.", {"verb", "code"}).With({"GET", "200"}).Increment();
  const Histogram histogram = metrics.AddHistogram("seconds", "Time.", {0.1, 1});
  histogram.Observe(0.05);
  histogram.Observe(5);
  const std::string text = metrics.Serialize();
  for (const char* line : {
           "# HELP kube_remedy_things_total Things.\n# TYPE kube_remedy_things_total counter\n"
           "kube_remedy_things_total 3\n",
           "kube_remedy_level 1.5\n",
           "kube_remedy_verbs_total{code=\"200\",verb=\"GET\"} 1\n",
           "kube_remedy_seconds_count 2\n",
           "kube_remedy_seconds_bucket{le=\"0.1\"} 1\n",
           "kube_remedy_seconds_bucket{le=\"+Inf\"} 2\n",
       }) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(Metrics, SeriesAreThereWithZeroBeforeTheyAreUsed) {
  Metrics metrics;
  const RuntimeMetrics runtime(metrics);
  const std::string text = metrics.Serialize();
  for (const char* line : {"engine_queue_bytes 0\n", "engine_exceptions_total 0\n", "leader 0\n",
                           "events_dropped_total 0\n", "engine_input_duration_seconds_count 0\n",
                           "api_requests_total{code=\"200\",verb=\"PATCH\"} 0\n",
                           "api_request_duration_seconds_count{verb=\"GET\"} 0\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(Metrics, WatchesAreCountedByResource) {
  Metrics metrics;
  RuntimeMetrics runtime(metrics);
  const kube::Resource daemon_sets{{"apps", "v1", "DaemonSet"}, "daemonsets"};
  runtime.watch.Count(daemon_sets, {.events = 3, .bytes = 512, .lists = 1, .watches = 1});
  runtime.watch.Count(daemon_sets, {.events = 2, .problems = 1});
  const std::string text = metrics.Serialize();
  for (const char* line : {"watch_events_total{resource=\"apps/v1/daemonsets\"} 5\n",
                           "watch_bytes_total{resource=\"apps/v1/daemonsets\"} 512\n",
                           "watch_lists_total{resource=\"apps/v1/daemonsets\"} 1\n",
                           "watch_streams_total{resource=\"apps/v1/daemonsets\"} 1\n",
                           "watch_problems_total{resource=\"apps/v1/daemonsets\"} 1\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(Metrics, LabelValuesAreBounded) {
  Metrics metrics;
  const CounterFamily family = metrics.AddCounters("n", "n.", {"resource"}, 2);
  family.With({"pods"}).Increment();
  family.With({"nodes"}).Increment();
  for (int i = 0; i < 1000; ++i) family.With({std::to_string(i)}).Increment();
  family.With({"pods"}).Increment();
  EXPECT_EQ(family.With({"pods"}).value(), 2);
  EXPECT_EQ(family.With({"other"}).value(), 1000);
  EXPECT_THAT(metrics.Serialize(), Not(HasSubstr("resource=\"7\"")));
}

TEST(Metrics, SameLabelsSameSeries) {
  Metrics metrics;
  const GaugeFamily family = metrics.AddGauges("g", "g.", {"a"});
  family.With({"x"}).Set(7);
  EXPECT_EQ(family.With({"x"}).value(), 7);
}

TEST(Metrics, HandlesWithoutARegistryCountNothing) {
  const EngineMetrics none;
  none.queue_bytes.Set(1);
  none.exceptions.Increment();
  none.input_seconds.Observe(1);
  EXPECT_EQ(none.exceptions.value(), 0);
  EXPECT_EQ(CounterFamily().With({"any", "number"}).value(), 0);
}

TEST(Metrics, RefreshersRunBeforeEachSerialization) {
  Metrics metrics;
  const Gauge gauge = metrics.AddGauge("g", "g.");
  int calls = 0;
  metrics.OnSerialize([&] { gauge.Set(++calls); });
  metrics.Serialize();
  EXPECT_THAT(metrics.Serialize(), HasSubstr("g 2\n"));
}

TEST(Metrics, ProcessMetricsHaveTheirUsualNames) {
  Metrics metrics("kube_remedy");
  AddProcessMetrics(metrics);
  const std::string text = metrics.Serialize();
  for (const char* name :
       {"process_resident_memory_bytes", "process_resident_anonymous_bytes",
        "process_cpu_seconds_total", "process_open_fds", "process_start_time_seconds"}) {
    EXPECT_THAT(text, HasSubstr("\n" + std::string(name) + " "));
    EXPECT_THAT(text, Not(HasSubstr("\n" + std::string(name) + " 0\n")));
  }
}

TEST(MetricsDeathTest, ANameIsUsedOnce) {
  Metrics metrics;
  metrics.AddCounter("n", "n.");
  EXPECT_DEATH(metrics.AddGauge("n", "n."), "name used twice: n");
}

TEST(MetricsDeathTest, LabelValuesMatchTheLabelNames) {
  Metrics metrics;
  const CounterFamily family = metrics.AddCounters("n", "n.", {"a", "b"});
  EXPECT_DEATH(family.With({"only one"}), "wrong number of label values: n");
}

TEST(Metrics, CountedFromManyThreadsWhileServed) {
  Metrics metrics;
  const CounterFamily family = metrics.AddCounters("n", "n.", {"thread"});
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&family, t] {
        for (int i = 0; i < 1000; ++i) family.With({std::to_string(t % 2)}).Increment();
      });
    }
    for (int i = 0; i < 20; ++i) metrics.Serialize();
  }
  EXPECT_EQ(family.With({"0"}).value() + family.With({"1"}).value(), 4000);
}

TEST(LatencyBuckets, DoubleFromHalfAMillisecond) {
  const std::vector<double> bounds = LatencyBuckets();
  EXPECT_EQ(bounds.size(), 16u);
  EXPECT_DOUBLE_EQ(bounds.front(), 0.0005);
  EXPECT_DOUBLE_EQ(bounds.back(), 16.384);
}

}  // namespace
}  // namespace kr::runtime
