#include "controller/kube/beast_transport.h"

#include <algorithm>
#include <array>
#include <optional>

#include <boost/asio/post.hpp>

#include "controller/kube/connection_pool.h"
#include "controller/kube/host_resolver.h"
#include "controller/kube/response_parser.h"
#include "controller/kube/tls_context_cache.h"
#include "controller/kube/wire.h"

namespace kr::kube {
namespace {

constexpr std::size_t kReadSize = 16 * 1024;

// One request on one connection, driven by the calling thread until it is answered, its time is
// over or it is stopped.
class Exchange final : public ResponseParser::Sink {
 public:
  struct Limits {
    MonotonicTime deadline;
    std::size_t max_body_bytes = 0;
  };

  struct Outcome {
    Status status;
    HttpResponse response;
    bool answer_began = false;
    bool reusable = false;
  };

  Exchange(PooledConnection& line, const ServerAddress& server, const Limits& limits, Clock& clock,
           std::stop_token stop)
      : line_(line),
        peer_(server.HostHeader()),
        limits_(limits),
        clock_(clock),
        stop_(std::move(stop)) {
    // Posted, because it runs on the thread that requests the stop.
    on_stop_.emplace(stop_,
                     [&line] { boost::asio::post(line.io, [&line] { line.connection.Close(); }); });
  }

  Status Open(Endpoints endpoints, std::string_view sni) {
    const Result opened = Await([&](auto done) {
      line_.connection.AsyncOpen(std::move(endpoints), sni,
                                 [done](const ErrorCode& error) { done(error, 0); });
    });
    return opened.error ? Explain(opened.error, "connecting to ") : OkStatus();
  }

  Status Run(std::string_view request) {
    const Result written =
        Await([&](auto done) { line_.connection.AsyncWrite(request, std::move(done)); });
    // A server that refuses a long body answers and closes before it has read all of it.
    const Status answered = ReadAnswer();
    if (written.error && !answered.ok()) return Explain(written.error, "sending to ");
    return answered;
  }

  // To be called once, at the end.
  Outcome Conclude(Status status) {
    // From here on no stop can reach a connection that somebody else may use next.
    on_stop_.reset();
    const bool reusable =
        status.ok() && parser_.reusable() && filled_ == 0 && !stop_.stop_requested();
    return {.status = std::move(status),
            .response = std::move(response_),
            .answer_began = parser_.started(),
            .reusable = reusable};
  }

  void OnHeaders(HttpResponse headers) override { response_ = std::move(headers); }

  bool OnBody(std::string_view bytes) override {
    too_large_ = response_.body.size() + bytes.size() > limits_.max_body_bytes;
    if (!too_large_) response_.body.append(bytes);
    return !too_large_;
  }

 private:
  struct Result {
    ErrorCode error;
    std::size_t bytes = 0;
  };

  Status ReadAnswer() {
    while (!parser_.done()) {
      if (filled_ == buffer_.size())
        return Unavailable("malformed HTTP answer: a line is too long");
      const Result read = Await([&](auto done) {
        line_.connection.AsyncRead(buffer_.data() + filled_, buffer_.size() - filled_,
                                   std::move(done));
      });
      if (read.error == boost::asio::error::eof) return parser_.Finish();
      if (read.error) return Explain(read.error, "reading the answer of ");
      filled_ += read.bytes;
      KR_ASSIGN_OR_RETURN(const std::size_t used, parser_.Feed({buffer_.data(), filled_}));
      if (too_large_) {
        return ResourceExhausted("the answer is longer than " +
                                 std::to_string(limits_.max_body_bytes) + " bytes");
      }
      std::copy(buffer_.begin() + used, buffer_.begin() + filled_, buffer_.begin());
      filled_ -= used;
    }
    return OkStatus();
  }

  template <typename Start>
  Result Await(Start start) {
    if (stop_.stop_requested() || expired_) return {boost::asio::error::operation_aborted, 0};
    std::optional<Result> result;
    start([&result](const ErrorCode& error, std::size_t bytes) { result = Result{error, bytes}; });
    line_.io.restart();
    while (!result) {
      const absl::Duration left = limits_.deadline - clock_.Monotonic();
      if (left > absl::ZeroDuration() &&
          line_.io.run_one_for(absl::ToChronoNanoseconds(left)) > 0) {
        continue;
      }
      expired_ = true;
      line_.connection.Close();
      while (!result && line_.io.run_one() > 0) {
      }
    }
    return *result;
  }

  Status Explain(const ErrorCode& error, std::string_view doing) const {
    const std::string what = std::string(doing) + peer_;
    if (stop_.stop_requested()) return Cancelled(what + ": stopped");
    if (expired_) return DeadlineExceeded(what + ": no answer in time");
    return line_.connection.Explain(error, what);
  }

  PooledConnection& line_;
  const std::string peer_;
  const Limits limits_;
  Clock& clock_;
  const std::stop_token stop_;
  bool expired_ = false;
  bool too_large_ = false;
  HttpResponse response_;
  ResponseParser parser_{*this};
  std::array<char, kReadSize> buffer_;
  std::size_t filled_ = 0;
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;
};

class BeastTransport final : public Transport {
 public:
  BeastTransport(Credentials& credentials, Clock& clock, TransportOptions options)
      : credentials_(credentials),
        clock_(clock),
        options_(std::move(options)),
        contexts_(credentials),
        pool_(options_, clock) {}

  StatusOr<HttpResponse> Send(const HttpRequest& request, std::stop_token stop) override {
    const Exchange::Limits limits{
        .deadline = clock_.Monotonic() + std::min(request.timeout, absl::Hours(24)),
        .max_body_bytes = options_.max_body_bytes};
    KR_ASSIGN_OR_RETURN(const std::string authorization, credentials_.Authorization());
    KR_ASSIGN_OR_RETURN(const std::string wire,
                        WireRequest(request, server(), authorization, options_.user_agent));
    KR_ASSIGN_OR_RETURN(const PooledConnection::TlsContext tls, contexts_.Current());

    if (std::unique_ptr<PooledConnection> reused = pool_.Take(tls)) {
      Exchange exchange(*reused, server(), limits, clock_, stop);
      Exchange::Outcome outcome = exchange.Conclude(exchange.Run(wire));
      // The server may have closed it just when we sent. Only a GET is sent again: it is harmless.
      const bool stale = absl::IsUnavailable(outcome.status) && !outcome.answer_began;
      if (!stale || request.method != "GET") return Finish(std::move(outcome), std::move(reused));
    }

    const absl::Duration left = limits.deadline - clock_.Monotonic();
    KR_ASSIGN_OR_RETURN(Endpoints endpoints,
                        resolver_.Resolve(server().host, server().port, left, stop));
    auto fresh = std::make_unique<PooledConnection>(tls, clock_.Monotonic());
    Exchange exchange(*fresh, server(), limits, clock_, stop);
    Status status = exchange.Open(std::move(endpoints), SniName(credentials_.peer()));
    if (status.ok()) status = exchange.Run(wire);
    return Finish(exchange.Conclude(std::move(status)), std::move(fresh));
  }

 private:
  const ServerAddress& server() const { return credentials_.cluster().server; }

  StatusOr<HttpResponse> Finish(Exchange::Outcome outcome, std::unique_ptr<PooledConnection> line) {
    // A refused certificate shows as a broken connection, on either side.
    if (absl::IsUnavailable(outcome.status) || outcome.response.code == 401) {
      credentials_.Invalidate();
    }
    KR_RETURN_IF_ERROR(outcome.status);
    if (outcome.reusable) pool_.Put(std::move(line));
    return std::move(outcome.response);
  }

  Credentials& credentials_;
  Clock& clock_;
  const TransportOptions options_;
  TlsContextCache contexts_;
  ConnectionPool pool_;
  HostResolver resolver_;
};

}  // namespace

std::string DefaultUserAgent() {
  return "kube-remedy/" KR_VERSION;
}

std::unique_ptr<Transport> MakeBeastTransport(Credentials& credentials, Clock& clock,
                                              TransportOptions options) {
  return std::make_unique<BeastTransport>(credentials, clock, std::move(options));
}

}  // namespace kr::kube
