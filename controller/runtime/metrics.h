#pragma once

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus

// A small facade over prometheus-cpp, whose headers stay in metrics.cc. Handles are cheap values
// that point into the Metrics they came from and must not outlive it; a default-made handle counts
// nothing, so that tests need no registry. Handles and families are thread-safe.
namespace kr::runtime {

class Counter {
 public:
  Counter() = default;
  explicit Counter(prometheus::Counter* counter) : counter_(counter) {}
  void Increment(double by = 1) const;
  double value() const;

 private:
  prometheus::Counter* counter_ = nullptr;
};

class Gauge {
 public:
  Gauge() = default;
  explicit Gauge(prometheus::Gauge* gauge) : gauge_(gauge) {}
  void Set(double value) const;
  double value() const;

 private:
  prometheus::Gauge* gauge_ = nullptr;
};

class Histogram {
 public:
  Histogram() = default;
  explicit Histogram(prometheus::Histogram* histogram) : histogram_(histogram) {}
  void Observe(double value) const;

 private:
  prometheus::Histogram* histogram_ = nullptr;
};

// The series of one metric name. Keep the handle that With returns where it is used often: the
// look-up takes a lock.
template <typename Handle>
class MetricFamily {
 public:
  class Series;  // metrics.cc

  MetricFamily() = default;
  explicit MetricFamily(Series* series) : series_(series) {}

  // The series with these label values, in the order of the label names. Made with value 0 at the
  // first call: call it early for values that are known, so that dashboards see the series before
  // something happens. A family holds a bounded number of series; label values beyond that are all
  // counted in one series whose labels are "other". Never pass object names.
  Handle With(std::initializer_list<std::string_view> label_values) const;

 private:
  Series* series_ = nullptr;
};

using CounterFamily = MetricFamily<Counter>;
using GaugeFamily = MetricFamily<Gauge>;
using HistogramFamily = MetricFamily<Histogram>;

// The registry that is served at /metrics. Thread-safe. Names are given without the prefix and
// must be unique; asking twice for the same name is a programming error and aborts.
class Metrics {
 public:
  using LabelNames = std::vector<std::string>;
  static constexpr size_t kMaxSeries = 256;

  // Every name begins with `prefix` and an underscore ("kube_remedy"); "" = no prefix. Names that
  // begin with process_ are the same for every Prometheus client and get none.
  explicit Metrics(std::string_view prefix = "");
  ~Metrics();

  Counter AddCounter(std::string_view name, std::string_view help);
  CounterFamily AddCounters(std::string_view name, std::string_view help, LabelNames labels,
                            size_t max_series = kMaxSeries);
  Gauge AddGauge(std::string_view name, std::string_view help);
  GaugeFamily AddGauges(std::string_view name, std::string_view help, LabelNames labels,
                        size_t max_series = kMaxSeries);
  // `buckets` are ascending upper bounds.
  Histogram AddHistogram(std::string_view name, std::string_view help, std::vector<double> buckets);
  HistogramFamily AddHistograms(std::string_view name, std::string_view help, LabelNames labels,
                                std::vector<double> buckets, size_t max_series = kMaxSeries);

  // Runs `refresh` before each Serialize, on the thread that serves: for values that are cheaper
  // to read on demand than to keep current. It must not call back into this class.
  void OnSerialize(std::function<void()> refresh);

  // Prometheus' text exposition format, version 0.0.4.
  std::string Serialize() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Upper bounds in seconds, doubling from 0.5 ms to 16 s: requests and evaluations alike.
std::vector<double> LatencyBuckets();

// process_resident_memory_bytes, process_resident_anonymous_bytes, process_cpu_seconds_total,
// process_open_fds, process_start_time_seconds; read when they are served.
void AddProcessMetrics(Metrics& metrics);

}  // namespace kr::runtime
