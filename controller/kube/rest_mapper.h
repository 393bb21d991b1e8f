#pragma once

#include <map>
#include <string>

#include "absl/time/time.h"
#include "controller/base/status.h"
#include "controller/kube/client.h"
#include "controller/kube/discovery.h"
#include "controller/kube/http.h"
#include "controller/kube/resource.h"

namespace kr::kube {

// From apiVersion and kind to the URL, from what discovery said so far. Does no I/O: it says what
// to ask and absorbs the answer, so that the engine thread can own it. Not thread-safe.
//
//   switch (mapper.Find(gvk).state) ...
//   HttpRequest request = mapper.RefreshRequest(gvk);   // a worker sends it
//   mapper.Absorb(request, std::move(reply));           // back on the engine thread
//
// The first request asks for everything (aggregated discovery); after that, or from a server that
// does not have it, only the group and version of the missing kind is asked. A group whose server
// does not answer is Unknown, never Absent: a policy must not be called inactive for it.
class RestMapper {
 public:
  enum class State {
    kFound,
    kAbsent,   // the server says that it does not have it
    kUnknown,  // not asked yet, or no usable answer
  };
  struct Result {
    State state = State::kUnknown;
    Resource resource;  // if found
    Status reason;      // if not: says why, for people
  };

  // From memory. What was found stays found until an answer says that it is gone.
  Result Find(const GroupVersionKind& gvk) const;

  // The question that brings the answer about `gvk` up to date: when it is missing, or when its
  // watch answered 404.
  HttpRequest RefreshRequest(const GroupVersionKind& gvk) const;

  // The answer to one of those requests.
  void Absorb(const HttpRequest& request, const StatusOr<Reply>& reply);

  // How long to wait before `gvk`, which is not found, is worth asking for again: nothing when it
  // was never asked for, then 5 s doubling to 2 min.
  absl::Duration RetryDelay(const GroupVersionKind& gvk) const;

 private:
  // One group and version.
  struct Version {
    bool known = false;  // `kinds` is what the server said last
    Status error;        // of the last question, OK when it was answered
    std::map<std::string, DiscoveredKind> kinds;
    int questions = 0;  // in a row that brought nothing new
  };
  // /api or /apis as a whole.
  struct Root {
    enum class State { kUntried, kAnswered, kUnsupported };
    State state = State::kUntried;
    Status error;
    int questions = 0;
  };

  void AbsorbRoot(bool core, const StatusOr<Reply>& reply);
  void AbsorbVersion(const std::string& path, const StatusOr<Reply>& reply);
  void Learn(const std::string& path, DiscoveredVersion discovered);

  Root roots_[2];                            // [0]: named groups, [1]: the core group
  std::map<std::string, Version> versions_;  // by path, "/apis/apps/v1"
};

}  // namespace kr::kube
