#include "controller/kube/exchange.h"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

namespace kr::kube {

Exchange::Exchange(PooledConnection& line, const ServerAddress& server, const Limits& limits,
                   Clock& clock, std::stop_token stop)
    : line_(line),
      peer_(server.HostHeader()),
      limits_(limits),
      clock_(clock),
      stop_(std::move(stop)) {
  // Posted, because it runs on the thread that requests the stop.
  on_stop_.emplace(stop_,
                   [&line] { boost::asio::post(line.io, [&line] { line.connection.Close(); }); });
}

template <typename Start>
Exchange::Result Exchange::Await(Start start) {
  if (stop_.stop_requested() || expired_) return {boost::asio::error::operation_aborted, 0};
  std::optional<Result> result;
  start([&result](const ErrorCode& error, std::size_t bytes) { result = Result{error, bytes}; });
  line_.io.restart();
  while (!result) {
    const absl::Duration left = limits_.deadline - clock_.Monotonic();
    if (left > absl::ZeroDuration() && line_.io.run_one_for(absl::ToChronoNanoseconds(left)) > 0) {
      continue;
    }
    expired_ = true;
    line_.connection.Close();
    while (!result && line_.io.run_one() > 0) {
    }
  }
  return *result;
}

Status Exchange::Open(Endpoints endpoints, std::string_view sni) {
  const Result opened = Await([&](auto done) {
    line_.connection.AsyncOpen(std::move(endpoints), sni,
                               [done](const ErrorCode& error) { done(error, 0); });
  });
  return opened.error ? Explain(opened.error, "connecting to ") : OkStatus();
}

Status Exchange::Run(std::string_view request) {
  const Result written =
      Await([&](auto done) { line_.connection.AsyncWrite(request, std::move(done)); });
  // A server that refuses a long body answers and closes before it has read all of it.
  const Status answered = ReadAnswer();
  if (written.error && !answered.ok()) return Explain(written.error, "sending to ");
  return answered;
}

Exchange::Outcome Exchange::Conclude(Status status) {
  // From here on no stop can reach a connection that somebody else may use next.
  on_stop_.reset();
  const bool reusable =
      status.ok() && parser_.reusable() && filled_ == 0 && !stop_.stop_requested();
  return {.status = std::move(status),
          .response = std::move(response_),
          .answer_began = parser_.started(),
          .reusable = reusable};
}

void Exchange::OnHeaders(HttpResponse headers) {
  response_ = std::move(headers);
}

bool Exchange::OnBody(std::string_view bytes) {
  too_large_ = response_.body.size() + bytes.size() > limits_.max_body_bytes;
  if (!too_large_) response_.body.append(bytes);
  return !too_large_;
}

Status Exchange::ReadAnswer() {
  while (!parser_.done()) {
    if (filled_ == buffer_.size()) return Unavailable("malformed HTTP answer: a line is too long");
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

Status Exchange::Explain(const ErrorCode& error, std::string_view doing) const {
  const std::string what = std::string(doing) + peer_;
  if (stop_.stop_requested()) return Cancelled(what + ": stopped");
  if (expired_) return DeadlineExceeded(what + ": no answer in time");
  return line_.connection.Explain(error, what);
}

}  // namespace kr::kube
