#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "controller/runtime/api_sender.h"
#include "controller/runtime/engine.h"
#include "controller/runtime/outbound_sender.h"

namespace kr::remediation {

// The world outside of the cluster. Answers come as inputs of the engine.
class FakeOutbound final : public runtime::OutboundSender {
 public:
  using Answer = StatusOr<kube::OutboundAnswer>;

  void Send(kube::OutboundRequest request, Callback done) override {
    const Answer answer = reply ? reply(request) : Code(200, "");
    if (!runtime::IsNotSent(answer.status())) calls.push_back(std::move(request));
    engine_->Post(1, [answer, done = std::move(done)]() mutable { std::move(done)(answer); });
  }

  static Answer Code(int code, std::string body, std::map<std::string, std::string> headers = {}) {
    return kube::OutboundAnswer{
        .response = {.code = code, .headers = std::move(headers), .body = std::move(body)}};
  }

  // Asked for every call, in the order of sending; 200 without a body otherwise.
  std::function<Answer(const kube::OutboundRequest&)> reply;
  // What came through, over all processes.
  std::vector<kube::OutboundRequest> calls;
  void Attach(runtime::Engine& engine) { engine_ = &engine; }

 private:
  runtime::Engine* engine_ = nullptr;
};

// "" when the request has no such header.
inline std::string HeaderOf(const kube::OutboundRequest& request, std::string_view name) {
  for (const auto& [header, value] : request.headers) {
    if (header == name) return value;
  }
  return "";
}

}  // namespace kr::remediation
