#include "controller/runtime/listener.h"

#include <chrono>
#include <exception>
#include <utility>

#include "controller/base/log.h"

namespace kr::runtime {
namespace {

using tcp = boost::asio::ip::tcp;
using boost::system::error_code;

constexpr auto kAcceptRetry = std::chrono::milliseconds(100);

}  // namespace

Listener::Listener(Options options, OnAccept on_accept)
    : options_(std::move(options)),
      on_accept_(std::move(on_accept)),
      io_(1),
      acceptor_(io_),
      retry_(io_) {}

Listener::~Listener() {
  io_.stop();
  if (thread_.joinable()) thread_.join();
}

Status Listener::Start() {
  error_code error;
  const auto ip = boost::asio::ip::make_address(options_.address.host, error);
  const tcp::endpoint endpoint(ip, options_.address.port);
  if (!error) acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(boost::asio::socket_base::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(boost::asio::socket_base::max_listen_connections, error);
  if (!error) port_ = acceptor_.local_endpoint(error).port();
  if (error) {
    return Unavailable("listening on " + options_.address.host + ":" +
                       std::to_string(options_.address.port) + ": " + error.message());
  }
  Accept();
  thread_ = std::jthread([this] { Run(); });
  return OkStatus();
}

void Listener::Run() {
  // A request that throws costs its connection, not the server.
  while (!io_.stopped()) {
    try {
      io_.run();
    } catch (const std::exception& e) {
      log::Error("Caught exception in the " + options_.name, {{"what", e.what()}});
    }
  }
}

void Listener::Accept() {
  acceptor_.async_accept([this](error_code error, tcp::socket socket) {
    if (error) return AcceptLater();
    if (places_.use_count() <= static_cast<long>(options_.max_connections)) {
      on_accept_(std::move(socket), places_);
    }
    Accept();
  });
}

// Out of file descriptors, most likely: trying again at once would spin.
void Listener::AcceptLater() {
  retry_.expires_after(kAcceptRetry);
  retry_.async_wait([this](error_code error) {
    if (!error) Accept();
  });
}

}  // namespace kr::runtime
