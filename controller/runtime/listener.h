#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "controller/base/status.h"
#include "controller/runtime/listen_address.h"

namespace kr::runtime {

// Accepts connections and runs them, all on one thread of its own; no more than a number of them
// at the same time, others are closed at once.
class Listener {
 public:
  struct Options {
    std::string name;  // for the log: "health server"
    ListenAddress address;
    size_t max_connections = 32;
  };
  // Begins a connection, on the listener's thread; must be quick. The connection keeps itself
  // alive by its pending operations and holds `place` until it ends.
  using OnAccept =
      std::function<void(boost::asio::ip::tcp::socket socket, std::shared_ptr<void> place)>;

  Listener(Options options, OnAccept on_accept);
  // Drops all connections and joins: what they use must be there until then.
  ~Listener();

  // Binds and begins to accept; once. Unavailable when the address cannot be bound.
  Status Start();
  // The port that was bound.
  uint16_t port() const { return port_; }

 private:
  void Run();
  void Accept();
  void AcceptLater();

  const Options options_;
  const OnAccept on_accept_;
  // Each connection holds one reference: its count is the number of connections and one.
  const std::shared_ptr<void> places_ = std::make_shared<char>();
  boost::asio::io_context io_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer retry_;
  uint16_t port_ = 0;
  std::jthread thread_;
};

}  // namespace kr::runtime
