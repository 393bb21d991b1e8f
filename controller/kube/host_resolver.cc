#include "controller/kube/host_resolver.h"

#include <boost/asio/ip/address.hpp>

namespace kr::kube {
namespace {

using boost::asio::ip::tcp;

StatusOr<Endpoints> Ask(const std::string& host, std::uint16_t port) {
  boost::asio::io_context unused;
  tcp::resolver resolver(unused);
  ErrorCode error;
  const tcp::resolver::results_type results = resolver.resolve(host, std::to_string(port), error);
  if (error) return Unavailable("resolving " + host + ": " + error.message());
  Endpoints endpoints;
  for (const auto& entry : results) endpoints.push_back(entry.endpoint());
  if (endpoints.empty()) return Unavailable("resolving " + host + ": no address");
  return endpoints;
}

}  // namespace

std::optional<tcp::endpoint> LiteralEndpoint(const std::string& host, std::uint16_t port) {
  ErrorCode error;
  const auto address = boost::asio::ip::make_address(host, error);
  if (error) return std::nullopt;
  return tcp::endpoint(address, port);
}

HostResolver::~HostResolver() {
  std::jthread thread;
  {
    MutexLock lock(mu_);
    thread = std::move(thread_);
  }
  // Outside of the lock: the thread needs it to see the stop.
}

StatusOr<Endpoints> HostResolver::Resolve(const std::string& host, std::uint16_t port,
                                          absl::Duration timeout, std::stop_token stop) {
  if (const auto literal = LiteralEndpoint(host, port)) return Endpoints{*literal};
  const auto question = std::make_shared<Question>(Question{.host = host, .port = port});
  MutexLock lock(mu_);
  if (!thread_.joinable()) {
    thread_ = std::jthread([this](std::stop_token own_stop) { Run(std::move(own_stop)); });
  }
  open_.push_back(question);
  changed_.NotifyAll();
  if (changed_.Wait(mu_, stop, timeout, [&] { return question->answered; })) {
    return std::move(question->answer);
  }
  if (stop.stop_requested()) return Cancelled("resolving " + host + ": stopped");
  return DeadlineExceeded("resolving " + host + ": no answer in time");
}

void HostResolver::Run(std::stop_token stop) {
  for (;;) {
    std::shared_ptr<Question> question;
    {
      MutexLock lock(mu_);
      // The wait's limit is only for the rule that every wait has one.
      while (!changed_.Wait(mu_, stop, absl::Hours(1), [&] { return !open_.empty(); })) {
        if (stop.stop_requested()) return;
      }
      question = std::move(open_.front());
      open_.pop_front();
    }
    StatusOr<Endpoints> answer = Ask(question->host, question->port);
    MutexLock lock(mu_);
    question->answer = std::move(answer);
    question->answered = true;
    changed_.NotifyAll();
  }
}

}  // namespace kr::kube
