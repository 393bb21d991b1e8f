#pragma once

#include <deque>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>

#include "absl/time/time.h"
#include "controller/base/mutex.h"
#include "controller/base/status.h"
#include "controller/kube/connection.h"

namespace kr::kube {

// DNS for callers that must be able to give up: the system's resolver can neither be stopped nor
// limited in time, so a thread of its own asks it, started by the first name that is not an IP
// address. Thread-safe. Its destructor waits for a question under way.
class HostResolver {
 public:
  HostResolver() = default;
  ~HostResolver();

  // Never empty. Unavailable, DeadlineExceeded (`timeout` passed), Cancelled (`stop`).
  StatusOr<Endpoints> Resolve(const std::string& host, std::uint16_t port, absl::Duration timeout,
                              std::stop_token stop);

 private:
  struct Question {
    std::string host;
    std::uint16_t port = 0;
    bool answered = false;
    StatusOr<Endpoints> answer = Endpoints{};
  };

  void Run(std::stop_token stop);

  Mutex mu_;
  CondVar changed_;
  std::deque<std::shared_ptr<Question>> open_ ABSL_GUARDED_BY(mu_);
  std::jthread thread_ ABSL_GUARDED_BY(mu_);
};

// The endpoint of an IP literal; nullopt for any other name.
std::optional<boost::asio::ip::tcp::endpoint> LiteralEndpoint(const std::string& host,
                                                              std::uint16_t port);

}  // namespace kr::kube
