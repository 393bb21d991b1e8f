#include <algorithm>
#include <cstring>
#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <pthread.h>

#include "controller/kube/beast_transport.h"
#include "controller/kube/connection.h"
#include "controller/kube/host_resolver.h"
#include "controller/kube/response_parser.h"
#include "controller/kube/tls_context_cache.h"
#include "controller/kube/wire.h"

namespace kr::kube {
namespace {

namespace net = boost::asio;
using net::ip::tcp;

// Two TLS records; also the longest header block or chunk header.
constexpr std::size_t kBufferSize = 32 * 1024;
// Beyond what a timer can count; nobody means it to be exact.
constexpr absl::Duration kLongestTimer = absl::Hours(24 * 30);

std::chrono::nanoseconds TimerDuration(absl::Duration d) {
  return absl::ToChronoNanoseconds(std::clamp(d, absl::ZeroDuration(), kLongestTimer));
}

// One stream. Kept alive by the handlers of its operations, of which the hard stop's timer is
// always one until the end; the user's Stream only points to it.
class Session final : public std::enable_shared_from_this<Session>, public ResponseParser::Sink {
 public:
  Session(net::io_context& io, std::shared_ptr<net::ssl::context> tls, Credentials& credentials,
          std::string wire, StreamHandler& handler)
      : io_(io),
        credentials_(credentials),
        handler_(&handler),
        wire_(std::move(wire)),
        connection_(io, std::move(tls)),
        resolver_(io),
        headers_timer_(io),
        hard_timer_(io),
        buffer_(std::make_unique_for_overwrite<char[]>(kBufferSize)) {}

  void Start(absl::Duration headers_timeout, absl::Duration hard_stop) {
    Arm(headers_timer_, headers_timeout, "no answer in time");
    Arm(hard_timer_, hard_stop, "the stream's time is over");
    const ServerAddress& server = credentials_.cluster().server;
    if (const auto literal = LiteralEndpoint(server.host, server.port)) return Open({*literal});
    resolver_.async_resolve(
        server.host, std::to_string(server.port),
        [self = shared_from_this()](const ErrorCode& error, const auto& results) {
          if (error) return self->Fail(error, "resolving ");
          Endpoints endpoints;
          for (const auto& entry : results) endpoints.push_back(entry.endpoint());
          self->Open(std::move(endpoints));
        });
  }

  // Ends with OnEnd(status) from the event loop; for what went wrong before there was a connection.
  void EndSoon(Status status) {
    net::post(io_, [self = shared_from_this(), status = std::move(status)] { self->End(status); });
  }

  // The user let go: no more calls.
  void Abandon() {
    handler_ = nullptr;
    Shut();
  }

  void Pause() { paused_ = true; }

  void Resume() {
    if (!std::exchange(paused_, false)) return;
    // Posted: OnData must not be called from inside Resume, nor twice at once.
    net::post(io_, [self = shared_from_this()] { self->Deliver(); });
  }

  void OnHeaders(HttpResponse headers) override {
    headers_timer_.cancel();
    if (headers.code == 401) credentials_.Invalidate();
    if (handler_ != nullptr) handler_->OnHeaders(headers);
  }

  bool OnBody(std::string_view bytes) override {
    if (handler_ == nullptr || paused_) return false;
    handler_->OnData(bytes);
    return true;
  }

 private:
  void Arm(net::steady_timer& timer, absl::Duration after, const char* why) {
    timer.expires_after(TimerDuration(after));
    timer.async_wait([self = shared_from_this(), why](const ErrorCode& error) {
      if (!error) self->End(DeadlineExceeded(self->Doing("reading from ") + ": " + why));
    });
  }

  void Open(Endpoints endpoints) {
    if (handler_ == nullptr) return;
    const TlsPeer peer = credentials_.peer();
    connection_.AsyncOpen(std::move(endpoints), SniName(peer),
                          [self = shared_from_this()](const ErrorCode& error) {
                            if (error) return self->Fail(error, "connecting to ");
                            self->Write();
                          });
  }

  void Write() {
    connection_.AsyncWrite(wire_, [self = shared_from_this()](const ErrorCode& error, std::size_t) {
      if (error) return self->Fail(error, "sending to ");
      self->wire_ = std::string();
      self->Read();
    });
  }

  void Read() {
    reading_ = true;
    connection_.AsyncRead(buffer_.get() + filled_, kBufferSize - filled_,
                          [self = shared_from_this()](const ErrorCode& error, std::size_t bytes) {
                            self->reading_ = false;
                            self->filled_ += bytes;
                            self->read_error_ = error;
                            self->Deliver();
                          });
  }

  // Hands on what the buffer holds, then goes on reading. The user may pause or let go in any call.
  void Deliver() {
    if (delivering_ || reading_ || handler_ == nullptr || paused_) return;
    delivering_ = true;
    const StatusOr<std::size_t> used = parser_.Feed({buffer_.get(), filled_});
    delivering_ = false;
    if (!used.ok()) return End(used.status());
    std::memmove(buffer_.get(), buffer_.get() + *used, filled_ - *used);
    filled_ -= *used;

    if (parser_.done()) return End(OkStatus());
    if (handler_ == nullptr || paused_) return;
    if (read_error_ == net::error::eof) return End(parser_.Finish());
    if (read_error_) return Fail(read_error_, "reading from ");
    if (filled_ == kBufferSize)
      return End(Unavailable("malformed HTTP answer: a line is too long"));
    Read();
  }

  void Fail(const ErrorCode& error, std::string_view doing) {
    // A refused certificate shows as a broken connection, on either side.
    if (handler_ != nullptr) credentials_.Invalidate();
    End(connection_.Explain(error, Doing(doing)));
  }

  std::string Doing(std::string_view doing) const {
    return std::string(doing) + credentials_.cluster().server.HostHeader();
  }

  void End(const Status& status) {
    StreamHandler* handler = std::exchange(handler_, nullptr);
    Shut();
    if (handler != nullptr) handler->OnEnd(status);
  }

  void Shut() {
    connection_.Close();
    resolver_.cancel();
    headers_timer_.cancel();
    hard_timer_.cancel();
  }

  net::io_context& io_;
  Credentials& credentials_;
  StreamHandler* handler_;  // null: ended, or the user let go
  std::string wire_;
  Connection connection_;
  tcp::resolver resolver_;
  net::steady_timer headers_timer_;
  net::steady_timer hard_timer_;
  ResponseParser parser_{*this};
  const std::unique_ptr<char[]> buffer_;
  std::size_t filled_ = 0;
  ErrorCode read_error_;
  bool paused_ = false;
  bool reading_ = false;
  bool delivering_ = false;
};

class SessionHandle final : public Stream {
 public:
  explicit SessionHandle(const std::shared_ptr<Session>& session) : session_(session) {}
  ~SessionHandle() override {
    if (const auto session = session_.lock()) session->Abandon();
  }
  void Pause() override {
    if (const auto session = session_.lock()) session->Pause();
  }
  void Resume() override {
    if (const auto session = session_.lock()) session->Resume();
  }

 private:
  std::weak_ptr<Session> session_;
};

class BeastStreamTransport final : public StreamTransport {
 public:
  BeastStreamTransport(Credentials& credentials, TransportOptions options)
      : credentials_(credentials),
        options_(std::move(options)),
        contexts_(credentials),
        thread_([this] {
          ::pthread_setname_np(::pthread_self(), "kr-stream");
          io_.run();
        }) {}

  ~BeastStreamTransport() override {
    io_.stop();
    thread_.join();
    // What is still queued is destroyed with io_, and the sessions with it.
  }

  std::unique_ptr<Stream> Open(const HttpRequest& request, absl::Duration hard_stop,
                               StreamHandler& handler) override {
    StatusOr<std::shared_ptr<net::ssl::context>> tls = contexts_.Current();
    StatusOr<std::string> wire = Wire(request);
    const Status problem = tls.ok() ? wire.status() : tls.status();
    auto session = std::make_shared<Session>(io_, problem.ok() ? *tls : nullptr, credentials_,
                                             problem.ok() ? *std::move(wire) : "", handler);
    if (problem.ok()) {
      session->Start(request.timeout, hard_stop);
    } else {
      session->EndSoon(problem);
    }
    return std::make_unique<SessionHandle>(session);
  }

  void Post(std::function<void()> task, absl::Duration delay) override {
    if (delay <= absl::ZeroDuration()) return net::post(io_, std::move(task));
    auto timer = std::make_shared<net::steady_timer>(io_, TimerDuration(delay));
    // The timer object belongs to its own handler.
    timer->async_wait([timer, task = std::move(task)](const ErrorCode& error) {
      if (!error) task();
    });
  }

 private:
  StatusOr<std::string> Wire(const HttpRequest& request) {
    KR_ASSIGN_OR_RETURN(const std::string authorization, credentials_.Authorization());
    return WireRequest(request, credentials_.cluster().server, authorization, options_.user_agent);
  }

  Credentials& credentials_;
  const TransportOptions options_;
  TlsContextCache contexts_;
  net::io_context io_{1};
  const net::executor_work_guard<net::io_context::executor_type> work_ = net::make_work_guard(io_);
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace

std::unique_ptr<StreamTransport> MakeBeastStreamTransport(Credentials& credentials,
                                                          TransportOptions options) {
  return std::make_unique<BeastStreamTransport>(credentials, std::move(options));
}

}  // namespace kr::kube
