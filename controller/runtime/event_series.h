#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "controller/base/clock.h"
#include "controller/kube/http.h"

// The pure part of the event recorder: which occurrences become which events.k8s.io/v1 objects.
namespace kr::runtime {

struct ObjectReference {
  std::string api_version;
  std::string kind;
  std::string name_space;  // "" for cluster-scoped objects
  std::string name;
  std::string uid;
  friend auto operator<=>(const ObjectReference&, const ObjectReference&) = default;
};

// One occurrence that people should see in `kubectl describe` of the object.
struct Event {
  enum class Type { kNormal, kWarning };
  Type type = Type::kNormal;
  std::string reason;  // CamelCase, at most 128 bytes
  std::string action;  // what was done or tried, CamelCase, at most 128 bytes
  std::string note;    // for people; cut at 1024 bytes
  ObjectReference regarding;
  std::optional<ObjectReference> related;
};

// Who reports.
struct EventSource {
  std::string controller;  // qualified name: kube-remedy.io/controller
  std::string instance;    // host or pod name, at most 128 bytes
};

// `text` in at most `limit` bytes, cut before the UTF-8 character that does not fit.
std::string TruncateUtf8(std::string_view text, size_t limit);

// Occurrences with the same (type, action, reason, regarding, related) are one series, as in
// client-go's recorder: the first is written as an Event, the second turns it into a series of
// count 2 and is written at once, later ones only count; the count is refreshed every 30 minutes
// and written a last time when the series has been silent for 6 minutes, then it is forgotten.
// The note is the first one's. Bounded: beyond max_series the one that is silent for longest is
// forgotten. Not thread-safe.
class EventSeries {
 public:
  struct Options {
    absl::Duration refresh = absl::Minutes(30);
    absl::Duration finish = absl::Minutes(6);
    size_t max_series = 4096;
  };
  using Id = uint64_t;
  struct Now {
    MonotonicTime monotonic;
    absl::Time wall;
  };

  explicit EventSeries(EventSource source) : EventSeries(std::move(source), Options()) {}
  EventSeries(EventSource source, Options options);
  ~EventSeries();

  // Counts an occurrence. The series that is to be written now, if any.
  std::optional<Id> Observe(const Event& event, Now now);
  // The series whose count is to be written because of their age; forgets silent ones that need no
  // write. Call it every minute or so.
  std::vector<Id> Sweep(Now now);

  // The request that makes the server agree with the series as it is now: a create, or a patch of
  // its count. nullopt when it is forgotten or nothing is new.
  std::optional<kube::HttpRequest> BuildWrite(Id id);
  // How the request that BuildWrite last returned ended. Missing: a patch was answered 404 (the
  // event expired), the next write creates it anew.
  enum class Outcome { kWritten, kMissing, kGaveUp };
  // True when the series should be written once more: it grew meanwhile, or was missing.
  bool OnWritten(Id id, Outcome outcome, Now now);

  size_t size() const { return series_.size(); }

 private:
  struct Series;

  void Forget(Id id);
  void ForgetOldest();
  std::string NewName(const Event& event, absl::Time wall);

  EventSource source_;
  Options options_;
  Id last_id_ = 0;
  int64_t last_name_ns_ = 0;
  absl::flat_hash_map<std::string, Id> ids_;  // by the key of the series
  absl::flat_hash_map<Id, std::unique_ptr<Series>> series_;
};

}  // namespace kr::runtime
