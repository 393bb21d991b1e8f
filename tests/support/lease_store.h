#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "controller/base/mutex.h"
#include "controller/kube/api_error.h"
#include "controller/kube/client.h"

namespace kr::testing {

// One Lease behind a kube::Client, with the API server's manners: 404 while there is none, 409
// AlreadyExists for a second create, 409 Conflict for an update with an old resourceVersion. Faults
// are scripted per request. Thread-safe.
class LeaseStore final : public kube::Client {
 public:
  enum class Fault {
    kNone,
    kRefused,      // 500, nothing happened
    kUnreachable,  // no connection, nothing happened
    kAnswerLost,   // it happened, nobody heard
  };

  StatusOr<kube::Reply> Send(const kube::HttpRequest& request, std::stop_token stop) override {
    if (stop.stop_requested()) return Cancelled("stopped");
    MutexLock lock(mu_);
    log_.push_back(request.method);
    timeouts_.push_back(request.timeout);
    Fault fault = always_;
    if (!faults_.empty()) {
      fault = faults_.front();
      faults_.pop_front();
    }
    if (fault == Fault::kRefused) return Error(500, "InternalError");
    if (fault == Fault::kUnreachable) return Unavailable("connection refused");
    StatusOr<kube::Reply> reply = Serve(request);
    if (fault == Fault::kAnswerLost) return DeadlineExceeded("no answer");
    return reply;
  }

  // The faults of the next requests, in order; then `SetFault`'s.
  void Script(std::deque<Fault> faults) {
    MutexLock lock(mu_);
    faults_ = std::move(faults);
  }
  void SetFault(Fault fault) {
    MutexLock lock(mu_);
    always_ = fault;
  }

  // Somebody else writes, without asking for a version.
  void Edit(const std::function<void(nlohmann::json& lease)>& edit) {
    MutexLock lock(mu_);
    if (!lease_) {
      lease_ = nlohmann::json{{"apiVersion", "coordination.k8s.io/v1"}, {"kind", "Lease"}};
    }
    edit(*lease_);
    Bump();
  }
  void Remove() {
    MutexLock lock(mu_);
    lease_.reset();
  }
  void Hold(const std::string& holder, int seconds, const std::string& renew_time,
            int transitions) {
    Edit([&](nlohmann::json& lease) {
      lease["spec"] = {{"holderIdentity", holder},
                       {"leaseDurationSeconds", seconds},
                       {"acquireTime", renew_time},
                       {"renewTime", renew_time},
                       {"leaseTransitions", transitions}};
    });
  }

  // null when there is none.
  nlohmann::json lease() const {
    MutexLock lock(mu_);
    return lease_.value_or(nlohmann::json());
  }
  std::string holder() const {
    const nlohmann::json current = lease();
    return current.is_null() ? "" : current["spec"].value("holderIdentity", "");
  }
  // Methods since the last call.
  std::vector<std::string> TakeLog() {
    MutexLock lock(mu_);
    return std::exchange(log_, {});
  }
  absl::Duration last_timeout() const {
    MutexLock lock(mu_);
    return timeouts_.back();
  }

 private:
  StatusOr<kube::Reply> Serve(const kube::HttpRequest& request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (request.method == "POST") {
      if (lease_) return Error(409, "AlreadyExists");
      lease_ = nlohmann::json::parse(request.body);
      Bump();
    } else if (!lease_) {
      return Error(404, "NotFound");
    } else if (request.method == "PUT") {
      nlohmann::json update = nlohmann::json::parse(request.body);
      if (update["metadata"]["resourceVersion"] != (*lease_)["metadata"]["resourceVersion"]) {
        return Error(409, "Conflict");
      }
      lease_ = std::move(update);
      Bump();
    }
    return kube::Reply{.code = request.method == "POST" ? 201 : 200, .body = lease_->dump()};
  }

  void Bump() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    (*lease_)["metadata"]["resourceVersion"] = std::to_string(++version_);
  }

  static Status Error(int code, const std::string& reason) {
    kube::HttpResponse response;
    response.code = code;
    response.body = nlohmann::json{
        {"kind", "Status"},
        {"reason", reason},
        {"message", reason},
        {"code", code},
        {"status",
         "Failure"}}.dump();
    return kube::ToStatus(response);
  }

  mutable Mutex mu_;
  std::optional<nlohmann::json> lease_ ABSL_GUARDED_BY(mu_);
  int version_ ABSL_GUARDED_BY(mu_) = 100;
  std::deque<Fault> faults_ ABSL_GUARDED_BY(mu_);
  Fault always_ ABSL_GUARDED_BY(mu_) = Fault::kNone;
  std::vector<std::string> log_ ABSL_GUARDED_BY(mu_);
  std::vector<absl::Duration> timeouts_ ABSL_GUARDED_BY(mu_);
};

}  // namespace kr::testing
