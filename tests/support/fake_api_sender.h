#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "controller/runtime/api_sender.h"

namespace kr::testing {

// Keeps what was sent until the test answers it. Answers run inside Reply, Fail and Answer: the
// test plays the engine's queue.
class FakeApiSender final : public runtime::ApiSender {
 public:
  struct Sent {
    kube::HttpRequest request;
    runtime::SendOptions options;
    Callback done;
  };

  using runtime::ApiSender::Send;
  void Send(kube::HttpRequest request, Callback done, runtime::SendOptions options) override {
    log_.push_back(request.method + " " + request.target);
    pending_.push_back({std::move(request), options, std::move(done)});
  }

  // Unanswered requests, oldest first.
  const std::deque<Sent>& pending() const { return pending_; }
  // "METHOD target" of everything that was ever sent.
  const std::vector<std::string>& log() const { return log_; }

  // Takes the pending request at `index` out and answers it.
  void Answer(size_t index, StatusOr<kube::Reply> reply) {
    Sent sent = std::move(pending_.at(index));
    pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(index));
    sent.done(std::move(reply));
  }
  // The oldest one.
  void Reply(int code, std::string body = "{}") {
    Answer(0, kube::Reply{.code = code, .body = std::move(body), .server_date = server_date});
  }
  // The Date header of Reply's answers.
  absl::Time server_date = absl::InfinitePast();
  void Fail(Status status) { Answer(0, std::move(status)); }

 private:
  std::deque<Sent> pending_;
  std::vector<std::string> log_;
};

}  // namespace kr::testing
