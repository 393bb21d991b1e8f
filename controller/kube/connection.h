#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>

#include "controller/base/status.h"

namespace kr::kube {

using ErrorCode = boost::system::error_code;
using Endpoints = std::vector<boost::asio::ip::tcp::endpoint>;

// A TCP connection with or without TLS: one type, so that what stands on it is compiled once. One
// operation per direction at a time; callbacks run on the io_context's thread. Not thread-safe.
class Connection {
 public:
  using Opened = std::function<void(const ErrorCode&)>;
  using Transferred = std::function<void(const ErrorCode&, std::size_t)>;

  // `tls` null: plain. `io` must outlive it.
  Connection(boost::asio::io_context& io, std::shared_ptr<boost::asio::ssl::context> tls);

  // Tries the endpoints in turn, each but the last for at most five seconds, sets TCP keepalive and
  // shakes hands. `sni` "" = none.
  void AsyncOpen(Endpoints endpoints, std::string_view sni, Opened done);
  void AsyncRead(char* into, std::size_t size, Transferred done);
  // `bytes` must stay alive until done.
  void AsyncWrite(std::string_view bytes, Transferred done);

  // Operations under way end with operation_aborted. May be called again.
  void Close();

  // Open, and the peer neither closed it nor said anything unasked.
  bool IsIdle();

  // Unavailable: "<doing>: <why>". In the words of the certificate check, if that failed.
  Status Explain(const ErrorCode& error, std::string_view doing) const;

 private:
  struct Opening;

  void Connect(std::unique_ptr<Opening> opening);
  void OnConnected(std::unique_ptr<Opening> opening, ErrorCode error);

  boost::asio::ip::tcp::socket socket_;
  std::optional<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>> tls_;
  boost::asio::steady_timer attempt_timer_;
};

}  // namespace kr::kube
