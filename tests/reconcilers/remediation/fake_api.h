#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "controller/runtime/api_sender.h"
#include "controller/runtime/engine.h"
#include "tests/support/fake_api_server.h"

namespace kr::remediation {

// Single requests to the same objects that a FakeApiServer lists and watches: versions as
// preconditions, the status subresource, dry-run, discovery. Answers come as inputs of the engine.
class FakeApi final : public runtime::ApiSender {
 public:
  struct Request {
    std::string method, target, body;
    bool changed = false;    // an object other than by its status
    absl::Duration timeout;  // how long the sender waits; the permit has to cover it
    runtime::PermitNeed permit = runtime::PermitNeed::kNone;
    absl::Duration patience = absl::ZeroDuration();
  };
  // What happens to a write, decided before it reaches the server.
  enum class Fault {
    kNone,
    kLostBefore,  // the connection broke, nothing was executed
    kLostAfter,   // executed, the answer got lost
    kThrottled,   // 429
    kNotSent,     // no permit
    kRejected,    // 400
    kForbidden,   // 403
    kInside,      // 201, and the body says that it failed; not executed
  };

  explicit FakeApi(testing::FakeApiServer& server) : server_(server) {}

  using runtime::ApiSender::Send;
  void Send(kube::HttpRequest request, Callback done, runtime::SendOptions options) override;

  // Asked for every write (not for dry-runs and Events), in the order of sending.
  std::function<Fault(const Request&)> fault;
  // Asked for every GET of an object: an error code instead of the answer, 0 = none.
  std::function<int(const std::string& target)> refuse_read;
  // Asked for every eviction: why it is blocked (429), "" = it is not.
  std::function<std::string(const std::string& pod)> block_eviction;
  // The same for dry-runs.
  std::function<int(const Request&)> refuse_dry_run;
  // What the server makes of an object that is written, as its defaults and validation have it: an
  // error instead refuses it (422). `before` is null for a new one. Not asked for statuses.
  std::function<std::string(const std::string& plural, const nlohmann::json& before,
                            nlohmann::json& after)>
      admit;
  // What an eviction does instead of removing the pod at once, by "namespace/name".
  std::function<void(const std::string& key)> evict;
  // Asked for every SelfSubjectAccessReview, with its resourceAttributes: the status; null is no
  // answer. Everything is allowed as long as nobody says otherwise.
  std::function<nlohmann::json(const nlohmann::json& attributes)> review;
  int reviews = 0;
  // Namespaced kinds besides the well-known ones: plural and kind by path, "/apis/example.com/v1".
  std::map<std::string, std::map<std::string, std::string>> kinds;
  // From a request, which is executed at once, to its answer.
  absl::Duration latency;
  // GETs of objects by plural, for "nothing is read that is not needed".
  std::map<std::string, int> reads;
  // Targets of lists, in the order of sending.
  std::vector<std::string> lists;
  // Before the first request; after a crash the next process has another engine.
  void Attach(runtime::Engine& engine) { engine_ = &engine; }

  // Writes that were executed, without Events.
  const std::vector<Request>& writes() const { return writes_; }
  const std::vector<Request>& dry_runs() const { return dry_runs_; }

 private:
  struct Target {
    std::string plural, name_space, name, subresource;
    bool dry_run = false;
    bool list = false;
  };
  static Target Parse(const std::string& target);
  kube::HttpResponse Execute(const kube::HttpRequest& request, const Target& target,
                             const runtime::SendOptions& options);
  kube::HttpResponse Write(const kube::HttpRequest& request, const Target& target,
                           const runtime::SendOptions& options);
  kube::HttpResponse Remove(const kube::HttpRequest& request, const Target& target,
                            const runtime::SendOptions& options);
  nlohmann::json* Find(const Target& target, nlohmann::json& storage) const;

  runtime::Engine* engine_ = nullptr;
  testing::FakeApiServer& server_;
  std::vector<Request> writes_;
  std::vector<Request> dry_runs_;
};

}  // namespace kr::remediation
