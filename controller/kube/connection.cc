#include "controller/kube/connection.h"

#include <boost/asio/write.hpp>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "controller/kube/tls.h"

namespace kr::kube {
namespace {

namespace net = boost::asio;

constexpr std::chrono::seconds kAttempt{5};

// A silent watch is healthy, so a dead peer has to be found by TCP: probes after 30 s, and nothing
// unacknowledged for longer than 45 s, the time that client-go's HTTP/2 pings take.
void SetSocketOptions(int fd) {
  const auto set = [&](int level, int name, int value) {
    ::setsockopt(fd, level, name, &value, sizeof(value));
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 30);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 45'000);
}

}  // namespace

// Travels with the handlers, so that it ends with them when the io_context is destroyed.
struct Connection::Opening {
  Endpoints endpoints;
  std::size_t next = 0;
  std::string sni;
  Opened done;
  // Shared with the timer of one attempt, whose handler may already be queued when the attempt is
  // over, or the whole connection gone.
  struct Attempt {
    bool over = false;
    bool timed_out = false;
  };
  std::shared_ptr<Attempt> attempt;
};

Connection::Connection(net::io_context& io, std::shared_ptr<net::ssl::context> tls)
    : socket_(io), attempt_timer_(io) {
  if (tls != nullptr) tls_.emplace(socket_, *tls);  // OpenSSL counts references to the context
}

void Connection::AsyncOpen(Endpoints endpoints, std::string_view sni, Opened done) {
  Connect(std::make_unique<Opening>(Opening{
      .endpoints = std::move(endpoints), .sni = std::string(sni), .done = std::move(done)}));
}

void Connection::Connect(std::unique_ptr<Opening> opening) {
  const net::ip::tcp::endpoint endpoint = opening->endpoints[opening->next++];
  opening->attempt = std::make_shared<Opening::Attempt>();
  if (opening->next < opening->endpoints.size()) {
    attempt_timer_.expires_after(kAttempt);
    attempt_timer_.async_wait([this, attempt = opening->attempt](const ErrorCode& error) {
      if (error || attempt->over) return;
      attempt->timed_out = true;
      Close();
    });
  }
  socket_.async_connect(endpoint, [this, o = std::move(opening)](const ErrorCode& error) mutable {
    OnConnected(std::move(o), error);
  });
}

void Connection::OnConnected(std::unique_ptr<Opening> opening, ErrorCode error) {
  opening->attempt->over = true;
  attempt_timer_.cancel();
  if (opening->attempt->timed_out) error = net::error::timed_out;
  if (error) {
    const bool closed_by_user = error == net::error::operation_aborted;
    if (closed_by_user || opening->next == opening->endpoints.size()) return opening->done(error);
    Close();
    return Connect(std::move(opening));
  }
  SetSocketOptions(socket_.native_handle());
  if (!tls_) return opening->done(error);
  if (!opening->sni.empty()) {
    SSL_set_tlsext_host_name(tls_->native_handle(), opening->sni.c_str());
  }
  tls_->async_handshake(net::ssl::stream_base::client, std::move(opening->done));
}

void Connection::AsyncRead(char* into, std::size_t size, Transferred done) {
  if (tls_) {
    tls_->async_read_some(net::buffer(into, size), std::move(done));
  } else {
    socket_.async_read_some(net::buffer(into, size), std::move(done));
  }
}

void Connection::AsyncWrite(std::string_view bytes, Transferred done) {
  if (tls_) {
    net::async_write(*tls_, net::buffer(bytes), std::move(done));
  } else {
    net::async_write(socket_, net::buffer(bytes), std::move(done));
  }
}

void Connection::Close() {
  ErrorCode ignored;
  socket_.close(ignored);
}

bool Connection::IsIdle() {
  if (!socket_.is_open()) return false;
  char byte;
  const ssize_t n = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

Status Connection::Explain(const ErrorCode& error, std::string_view doing) const {
  std::string why = error.message();
  if (tls_) {
    const std::string problem =
        CertificateProblem(const_cast<Connection*>(this)->tls_->native_handle());
    if (!problem.empty()) why = "the server's certificate is refused: " + problem;
  }
  return Unavailable(std::string(doing) + ": " + why);
}

}  // namespace kr::kube
