#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "controller/base/random.h"
#include "tests/support/fake_stream_transport.h"

namespace kr::testing {

// The lists and watches of an API server, over a FakeStreamTransport: one version for everything,
// paged and streaming lists, bookmarks, 410 in both shapes, versions from the future. Behaves as
// seen on a real one. Label selectors are ignored, of the field selectors metadata.name is known.
//
// Objects have the plural of their resource as identity: Put("pods", {...}).
class FakeApiServer {
 public:
  // What becomes of a request for a streaming list.
  enum class Streaming {
    kSupported,
    kRejected,    // 422: the feature is off
    kIgnored,     // an old server: a watch that never says where the list ends
    kEventError,  // 200 and then an ERROR event with 500: its etcd is too old
  };
  struct Backup {
    uint64_t version;
    std::map<std::string, nlohmann::json> objects;
  };

  FakeApiServer(FakeStreamTransport& transport, Random& random)
      : transport_(transport), random_(random) {}

  Streaming streaming = Streaming::kSupported;
  // Answers to the next requests, instead of the right ones.
  std::deque<kube::HttpResponse> refusals;
  // Plurals that it does not know (any more): 404. Streams that are open are for CutAll.
  std::set<std::string> unserved;
  // Bodies and events come in pieces of up to so many bytes.
  size_t max_piece = 1 << 20;

  // Creates or replaces; gives it a uid when it has none and is new. Returns its new version.
  std::string Put(const std::string& plural, nlohmann::json object);
  void Delete(const std::string& plural, std::string_view name_space, std::string_view name);
  // Sends a bookmark on every watch.
  void Bookmark();
  // From now on lists and watches of a resource give what was there now, and nothing newer: a watch
  // cache that is behind without knowing it. Objects still tells the truth.
  void Freeze(const std::string& plural);
  void Thaw(const std::string& plural) { frozen_.erase(plural); }
  // Everything older than now is forgotten; continue tokens expire.
  void Compact();
  Backup TakeBackup() const { return {version_, objects_}; }
  // Back in time. Watches end.
  void Restore(const Backup& backup);
  // All open streams end.
  void CutAll(const Status& status);

  // Answers what was opened since the last call and sends what watches have not seen.
  void Serve();

  std::string version() const { return std::to_string(version_); }
  // The objects of a resource, by "namespace/name".
  std::map<std::string, nlohmann::json> Objects(const std::string& plural) const;
  // One of them, by the same key, or nullptr; valid until the next change.
  const nlohmann::json* Find(const std::string& plural, const std::string& key) const;
  // Of all requests so far.
  int lists = 0;
  int watches = 0;
  int streaming_lists = 0;

 private:
  struct Change {
    uint64_t version;
    std::string type;
    std::string plural;
    nlohmann::json object;
  };
  struct Query {
    std::string plural, name_space, name;
    std::map<std::string, std::string> options;
    std::string Option(const std::string& name) const;
    bool Selects(const nlohmann::json& object) const;
  };
  struct Watch {
    FakeStreamTransport::Opened* stream;
    Query query;
    uint64_t from;
  };
  struct Continuation {
    uint64_t version;
    std::vector<nlohmann::json> rest;
  };

  static Query Parse(const std::string& target);
  void Answer(FakeStreamTransport::Opened& stream);
  void List(FakeStreamTransport::Opened& stream, const Query& query);
  void StartWatch(FakeStreamTransport::Opened& stream, const Query& query);
  void Deliver(Watch& watch);
  void SendEvent(FakeStreamTransport::Opened& stream, std::string_view type,
                 const nlohmann::json& object);
  void SendBytes(FakeStreamTransport::Opened& stream, std::string_view bytes);
  void Refuse(FakeStreamTransport::Opened& stream, int code, std::string_view reason,
              std::string_view cause = "");
  std::vector<nlohmann::json> Select(const Query& query) const;
  // That lists and watches of the resource know.
  uint64_t VersionOf(const std::string& plural) const;
  static nlohmann::json Failure(int code, std::string_view reason, std::string_view cause);
  nlohmann::json BookmarkOf(const Query& query, bool end_of_list) const;

  FakeStreamTransport& transport_;
  Random& random_;
  uint64_t version_ = 100;
  uint64_t compacted_ = 0;
  uint64_t last_uid_ = 0;
  std::map<std::string, nlohmann::json> objects_;  // by plural/namespace/name
  std::vector<Change> history_;
  std::vector<Watch> watches_;
  std::map<std::string, Continuation> continuations_;
  std::map<std::string, Backup> frozen_;
  size_t served_ = 0;  // streams that were answered
};

}  // namespace kr::testing
