#include "controller/runtime/event_series.h"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "controller/kube/request.h"
#include "controller/runtime/lease.h"

namespace kr::runtime {
namespace {

using nlohmann::json;

// Limits of the API server's validation of events.
constexpr size_t kMaxNote = 1024;
constexpr size_t kMaxWord = 128;
constexpr size_t kMaxObjectName = 253;
constexpr size_t kMaxHexTime = 17;  // a dot and 64 bits

const kube::Resource& EventResource() {
  static const auto* const resource =
      new kube::Resource{{"events.k8s.io", "v1", "Event"}, "events", true};
  return *resource;
}

void AppendKey(std::string& key, std::string_view part) {
  key.append(part);
  key.push_back('\0');  // cannot be part of any of them
}

void AppendKey(std::string& key, const ObjectReference& object) {
  for (const std::string* part :
       {&object.api_version, &object.kind, &object.name_space, &object.name, &object.uid}) {
    AppendKey(key, *part);
  }
}

// Controller and instance are part of client-go's key; here they are the same for all.
std::string SeriesKey(const Event& event) {
  std::string key(event.type == Event::Type::kWarning ? "W" : "N");
  AppendKey(key, event.reason);
  AppendKey(key, event.action);
  AppendKey(key, event.regarding);
  if (event.related) AppendKey(key, *event.related);
  return key;
}

json ReferenceJson(const ObjectReference& object) {
  json out = {{"apiVersion", object.api_version}, {"kind", object.kind}, {"name", object.name}};
  if (!object.name_space.empty()) out["namespace"] = object.name_space;
  if (!object.uid.empty()) out["uid"] = object.uid;
  return out;
}

json SeriesJson(int64_t count, absl::Time last) {
  return {{"count", count}, {"lastObservedTime", FormatMicroTime(last)}};
}

bool IsDnsSubdomainStart(std::string_view name) {
  const auto valid = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  };
  return !name.empty() && name.size() + kMaxHexTime <= kMaxObjectName &&
         std::all_of(name.begin(), name.end(), valid);
}

std::string Hex(int64_t number) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%llx", static_cast<unsigned long long>(number));
  return text.data();
}

}  // namespace

std::string TruncateUtf8(std::string_view text, size_t limit) {
  if (text.size() <= limit) return std::string(text);
  size_t end = limit;
  // The first byte that is cut off continues a character: cut that character off as a whole.
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end));
}

struct EventSeries::Series {
  std::string key;
  Event event;
  std::string name;  // of the Event object
  std::string name_space;
  absl::Time first;
  absl::Time last;
  MonotonicTime last_seen;
  MonotonicTime written_at;
  int64_t count = 1;
  int64_t written = 0;   // the count that the server has; 0 = it has no such event
  int64_t in_write = 0;  // the count in the request that BuildWrite returned last
  bool finishing = false;
};

EventSeries::EventSeries(EventSource source, Options options)
    : source_(std::move(source)), options_(options) {
  source_.instance = TruncateUtf8(source_.instance, kMaxWord);
}

EventSeries::~EventSeries() = default;

std::optional<EventSeries::Id> EventSeries::Observe(const Event& event, Now now) {
  std::string key = SeriesKey(event);
  if (auto known = ids_.find(key); known != ids_.end()) {
    Series& series = *series_.at(known->second);
    ++series.count;
    series.last = now.wall;
    series.last_seen = now.monotonic;
    series.finishing = false;
    return series.count == 2 ? std::optional(known->second) : std::nullopt;
  }
  if (series_.size() >= options_.max_series) ForgetOldest();
  const Id id = ++last_id_;
  auto series = std::make_unique<Series>();
  series->key = key;
  series->event = event;
  series->name = NewName(event, now.wall);
  // The server wants events about cluster-scoped objects there.
  series->name_space = event.regarding.name_space.empty() ? "default" : event.regarding.name_space;
  series->first = series->last = now.wall;
  series->last_seen = series->written_at = now.monotonic;
  ids_.emplace(std::move(key), id);
  series_.emplace(id, std::move(series));
  return id;
}

std::vector<EventSeries::Id> EventSeries::Sweep(Now now) {
  std::vector<Id> due;
  std::vector<Id> forgotten;
  for (auto& [id, series] : series_) {
    const bool silent = now.monotonic - series->last_seen >= options_.finish;
    const bool behind = series->count > series->written;
    const bool stale = now.monotonic - series->written_at >= options_.refresh;
    if (silent && !behind) {
      forgotten.push_back(id);
    } else if (behind && (silent || stale)) {
      series->finishing = silent;
      due.push_back(id);
    }
  }
  for (Id id : forgotten) Forget(id);
  // In the order in which the series began, not in that of a hash table.
  std::sort(due.begin(), due.end());
  return due;
}

std::optional<kube::HttpRequest> EventSeries::BuildWrite(Id id) {
  auto it = series_.find(id);
  if (it == series_.end() || it->second->count == it->second->written) return std::nullopt;
  Series& series = *it->second;
  series.in_write = series.count;
  if (series.written > 0) {
    const json patch = {{"series", SeriesJson(series.count, series.last)}};
    return kube::PatchObject(EventResource(), {series.name_space, series.name}, "",
                             kube::PatchType::kMerge, patch, {});
  }
  const Event& event = series.event;
  json object = {
      {"apiVersion", "events.k8s.io/v1"},
      {"kind", "Event"},
      {"metadata", {{"namespace", series.name_space}, {"name", series.name}}},
      {"eventTime", FormatMicroTime(series.first)},
      {"type", event.type == Event::Type::kWarning ? "Warning" : "Normal"},
      {"reason", TruncateUtf8(event.reason, kMaxWord)},
      {"action", TruncateUtf8(event.action, kMaxWord)},
      {"note", TruncateUtf8(event.note, kMaxNote)},
      {"reportingController", source_.controller},
      {"reportingInstance", source_.instance},
      {"regarding", ReferenceJson(event.regarding)},
  };
  if (event.related) object["related"] = ReferenceJson(*event.related);
  if (series.count > 1) object["series"] = SeriesJson(series.count, series.last);
  return kube::CreateObject(EventResource(), series.name_space, object, {});
}

bool EventSeries::OnWritten(Id id, Outcome outcome, Now now) {
  auto it = series_.find(id);
  if (it == series_.end()) return false;
  Series& series = *it->second;
  if (outcome == Outcome::kGaveUp) {
    Forget(id);
    return false;
  }
  if (outcome == Outcome::kMissing) {
    series.written = 0;
    return true;
  }
  const bool became_series = series.in_write < 2 && series.count >= 2;
  series.written = series.in_write;
  series.written_at = now.monotonic;
  if (series.finishing && series.written == series.count) Forget(id);
  return became_series;
}

void EventSeries::Forget(Id id) {
  auto it = series_.find(id);
  ids_.erase(it->second->key);
  series_.erase(it);
}

void EventSeries::ForgetOldest() {
  // Rare, so a scan is cheaper than an order that every occurrence would have to maintain.
  auto oldest = std::min_element(series_.begin(), series_.end(), [](const auto& a, const auto& b) {
    return a.second->last_seen < b.second->last_seen ||
           (a.second->last_seen == b.second->last_seen && a.first < b.first);
  });
  Forget(oldest->first);
}

std::string EventSeries::NewName(const Event& event, absl::Time wall) {
  last_name_ns_ = std::max(last_name_ns_ + 1, absl::ToUnixNanos(wall));
  // Some kinds have names that are no DNS names (RBAC's "system:node").
  const std::string& object = event.regarding.name;
  return (IsDnsSubdomainStart(object) ? object : "event") + "." + Hex(last_name_ns_);
}

}  // namespace kr::runtime
