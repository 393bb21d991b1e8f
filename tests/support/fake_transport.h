#pragma once

#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include "controller/kube/http.h"

namespace kr::testing {

// A Transport that answers from a script, in order, and remembers what it was asked. Not
// thread-safe.
class FakeTransport final : public kube::Transport {
 public:
  using Reply = StatusOr<kube::HttpResponse>;

  void Answer(Reply reply) { script_.push_back(std::move(reply)); }
  const std::vector<kube::HttpRequest>& requests() const { return requests_; }
  std::size_t unused() const { return script_.size(); }
  // Called for each request, before its answer.
  std::function<void()> on_send;

  StatusOr<kube::HttpResponse> Send(const kube::HttpRequest& request, std::stop_token) override {
    requests_.push_back(request);
    if (on_send) on_send();
    if (script_.empty()) return Internal("the script has no answer left");
    Reply reply = std::move(script_.front());
    script_.pop_front();
    return reply;
  }

 private:
  std::deque<Reply> script_;
  std::vector<kube::HttpRequest> requests_;
};

}  // namespace kr::testing
