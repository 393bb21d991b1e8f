#include "controller/runtime/metrics.h"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <utility>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "controller/base/mutex.h"
#include "controller/runtime/process.h"

namespace kr::runtime {
namespace {

[[noreturn]] void Die(std::string_view what, std::string_view name) {
  std::fprintf(stderr, "metrics: %.*s: %.*s\n", static_cast<int>(what.size()), what.data(),
               static_cast<int>(name.size()), name.data());
  std::abort();
}

template <typename Handle>
struct Native;
template <>
struct Native<Counter> {
  using Type = prometheus::Counter;
  static auto Build() { return prometheus::BuildCounter(); }
};
template <>
struct Native<Gauge> {
  using Type = prometheus::Gauge;
  static auto Build() { return prometheus::BuildGauge(); }
};
template <>
struct Native<Histogram> {
  using Type = prometheus::Histogram;
  static auto Build() { return prometheus::BuildHistogram(); }
};

}  // namespace

// One family with its bound. prometheus-cpp has none, and asks for a map of labels per look-up.
template <typename Handle>
class MetricFamily<Handle>::Series {
 public:
  using Type = typename Native<Handle>::Type;
  using MakeSeries = std::function<Type&(const prometheus::Labels&)>;

  Series(std::string name, Metrics::LabelNames labels, size_t max_series, MakeSeries make)
      : name_(std::move(name)),
        labels_(std::move(labels)),
        max_series_(max_series),
        make_(std::move(make)) {}

  Handle Find(std::vector<std::string> values) {
    if (values.size() != labels_.size()) Die("wrong number of label values", name_);
    MutexLock lock(mu_);
    auto it = known_.find(values);
    if (it != known_.end()) return it->second;
    if (known_.size() >= max_series_) {
      values.assign(labels_.size(), "other");
      it = known_.find(values);
      if (it != known_.end()) return it->second;
    }
    prometheus::Labels named;
    for (size_t i = 0; i < labels_.size(); ++i) named.emplace(labels_[i], values[i]);
    return known_.emplace(std::move(values), Handle(&make_(named))).first->second;
  }

 private:
  const std::string name_;
  const Metrics::LabelNames labels_;
  const size_t max_series_;
  const MakeSeries make_;
  Mutex mu_;
  std::map<std::vector<std::string>, Handle> known_ ABSL_GUARDED_BY(mu_);
};

template <typename Handle>
Handle MetricFamily<Handle>::With(std::initializer_list<std::string_view> label_values) const {
  if (series_ == nullptr) return Handle();
  return series_->Find(std::vector<std::string>(label_values.begin(), label_values.end()));
}

template class MetricFamily<Counter>;
template class MetricFamily<Gauge>;
template class MetricFamily<Histogram>;

void Counter::Increment(double by) const {
  if (counter_ != nullptr) counter_->Increment(by);
}
double Counter::value() const {
  return counter_ == nullptr ? 0 : counter_->Value();
}

void Gauge::Set(double value) const {
  if (gauge_ != nullptr) gauge_->Set(value);
}
double Gauge::value() const {
  return gauge_ == nullptr ? 0 : gauge_->Value();
}

void Histogram::Observe(double value) const {
  if (histogram_ != nullptr) histogram_->Observe(value);
}

struct Metrics::State {
  std::string prefix;
  prometheus::Registry registry;
  mutable Mutex mu;
  std::set<std::string> names ABSL_GUARDED_BY(mu);
  std::vector<std::shared_ptr<void>> families ABSL_GUARDED_BY(mu);
  std::vector<std::function<void()>> refreshers ABSL_GUARDED_BY(mu);

  std::string FullName(std::string_view name) const {
    if (prefix.empty() || name.starts_with("process_")) return std::string(name);
    return prefix + "_" + std::string(name);
  }

  template <typename Handle, typename... Args>
  MetricFamily<Handle> AddFamily(std::string_view name, std::string_view help, LabelNames labels,
                                 size_t max_series, Args... args) {
    std::string full = FullName(name);
    MutexLock lock(mu);
    if (!names.insert(full).second) Die("name used twice", full);
    auto& native = Native<Handle>::Build().Name(full).Help(std::string(help)).Register(registry);
    using Series = typename MetricFamily<Handle>::Series;
    auto series =
        std::make_shared<Series>(std::move(full), std::move(labels), max_series,
                                 [&native, args...](const prometheus::Labels& named) ->
                                 typename Series::Type& { return native.Add(named, args...); });
    families.push_back(series);
    return MetricFamily<Handle>(series.get());
  }
};

Metrics::Metrics(std::string_view prefix) : state_(std::make_unique<State>()) {
  state_->prefix = prefix;
}
Metrics::~Metrics() = default;

Counter Metrics::AddCounter(std::string_view name, std::string_view help) {
  return AddCounters(name, help, {}, 1).With({});
}
CounterFamily Metrics::AddCounters(std::string_view name, std::string_view help, LabelNames labels,
                                   size_t max_series) {
  return state_->AddFamily<Counter>(name, help, std::move(labels), max_series);
}
Gauge Metrics::AddGauge(std::string_view name, std::string_view help) {
  return AddGauges(name, help, {}, 1).With({});
}
GaugeFamily Metrics::AddGauges(std::string_view name, std::string_view help, LabelNames labels,
                               size_t max_series) {
  return state_->AddFamily<Gauge>(name, help, std::move(labels), max_series);
}
Histogram Metrics::AddHistogram(std::string_view name, std::string_view help,
                                std::vector<double> buckets) {
  return AddHistograms(name, help, {}, std::move(buckets), 1).With({});
}
HistogramFamily Metrics::AddHistograms(std::string_view name, std::string_view help,
                                       LabelNames labels, std::vector<double> buckets,
                                       size_t max_series) {
  return state_->AddFamily<Histogram>(name, help, std::move(labels), max_series,
                                      std::move(buckets));
}

void Metrics::OnSerialize(std::function<void()> refresh) {
  MutexLock lock(state_->mu);
  state_->refreshers.push_back(std::move(refresh));
}

std::string Metrics::Serialize() const {
  std::vector<std::function<void()>> refreshers;
  {
    MutexLock lock(state_->mu);
    refreshers = state_->refreshers;
  }
  for (const auto& refresh : refreshers) refresh();
  return prometheus::TextSerializer().Serialize(state_->registry.Collect());
}

std::vector<double> LatencyBuckets() {
  std::vector<double> bounds;
  for (double bound = 0.0005; bound < 20; bound *= 2) bounds.push_back(bound);
  return bounds;
}

void AddProcessMetrics(Metrics& metrics) {
  const Gauge resident =
      metrics.AddGauge("process_resident_memory_bytes", "Resident memory size in bytes.");
  const Gauge anonymous = metrics.AddGauge("process_resident_anonymous_bytes",
                                           "Resident memory that no file backs, in bytes.");
  const Counter cpu = metrics.AddCounter("process_cpu_seconds_total",
                                         "Total user and system CPU time spent in seconds.");
  const Gauge files = metrics.AddGauge("process_open_fds", "Number of open file descriptors.");
  const Gauge started = metrics.AddGauge("process_start_time_seconds",
                                         "Start time of the process since the epoch in seconds.");
  metrics.OnSerialize([=] {
    if (auto memory = ReadProcessMemory(); memory.ok()) {
      resident.Set(static_cast<double>(memory->resident_bytes));
      anonymous.Set(static_cast<double>(memory->anonymous_bytes));
    }
    if (auto usage = ReadProcessUsage(); usage.ok()) {
      cpu.Increment(std::max(0.0, absl::ToDoubleSeconds(usage->cpu) - cpu.value()));
      files.Set(static_cast<double>(usage->open_files));
      started.Set(static_cast<double>(absl::ToUnixSeconds(usage->started)));
    }
  });
}

}  // namespace kr::runtime
