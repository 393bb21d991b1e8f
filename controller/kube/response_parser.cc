#include "controller/kube/response_parser.h"

#include <cstdint>
#include <limits>
#include <optional>

#include <boost/beast/http/parser.hpp>

#include "absl/strings/ascii.h"

namespace kr::kube {
namespace {

namespace http = boost::beast::http;
using boost::system::error_code;

// A Beast body that keeps nothing: every piece goes to the sink.
struct SinkBody {
  using value_type = ResponseParser::Sink*;

  class reader {
   public:
    template <bool isRequest, class Fields>
    reader(http::header<isRequest, Fields>&, value_type& sink) : sink_(sink) {}

    void init(const boost::optional<std::uint64_t>&, error_code& ec) { ec = {}; }

    template <class ConstBufferSequence>
    std::size_t put(const ConstBufferSequence& buffers, error_code& ec) {
      ec = {};
      std::size_t taken = 0;
      for (auto it = boost::asio::buffer_sequence_begin(buffers);
           it != boost::asio::buffer_sequence_end(buffers); ++it) {
        const boost::asio::const_buffer piece = *it;
        if (!sink_->OnBody({static_cast<const char*>(piece.data()), piece.size()})) {
          ec = http::error::need_buffer;
          break;
        }
        taken += piece.size();
      }
      return taken;
    }

    void finish(error_code& ec) { ec = {}; }

   private:
    value_type& sink_;
  };
};

HttpResponse Headers(const http::response_header<>& header) {
  HttpResponse response;
  response.code = static_cast<int>(header.result_int());
  for (const auto& field : header) {
    const boost::string_view name = field.name_string();
    const boost::string_view value = field.value();
    std::string key = absl::AsciiStrToLower({name.data(), name.size()});
    std::string& stored = response.headers[std::move(key)];
    if (!stored.empty()) stored.append(", ");
    stored.append(value.data(), value.size());
  }
  return response;
}

}  // namespace

class ResponseParser::Impl {
 public:
  explicit Impl(Sink& sink) : sink_(sink) { Reset(); }

  StatusOr<std::size_t> Feed(std::string_view bytes) {
    std::size_t used = 0;
    started_ = started_ || !bytes.empty();
    while (used < bytes.size() && !done()) {
      error_code ec;
      used += parser_->put(boost::asio::const_buffer(bytes.data() + used, bytes.size() - used), ec);
      if (ec && ec != http::error::need_more && ec != http::error::need_buffer) {
        return Unavailable("malformed HTTP answer: " + ec.message());
      }
      if (!announced_ && parser_->is_header_done()) {
        if (Interim()) {
          Reset();
          continue;
        }
        announced_ = true;
        // Until here the parser stopped at the end of the headers, so that they are told first.
        parser_->eager(true);
        sink_.OnHeaders(Headers(parser_->get().base()));
        continue;
      }
      if (ec) break;
    }
    return used;
  }

  Status Finish() {
    if (done()) return OkStatus();
    // Also after an interim answer, when Beast's parser is a new one and forbids put_eof.
    if (!parser_->got_some()) return Unavailable("the connection was closed before the answer");
    error_code ec;
    parser_->put_eof(ec);
    if (ec || !parser_->is_done()) return Unavailable("the connection was closed in mid-answer");
    return OkStatus();
  }

  bool started() const { return started_; }
  bool done() const { return announced_ && parser_->is_done(); }
  bool reusable() const { return done() && parser_->keep_alive() && !parser_->need_eof(); }

 private:
  void Reset() {
    parser_.emplace();
    // Not boost::none: Boost 1.74 takes that for zero where there is a Content-Length.
    parser_->body_limit(std::numeric_limits<std::uint64_t>::max());
    parser_->header_limit(16 * 1024);
    parser_->get().body() = &sink_;
  }

  bool Interim() const {
    return http::to_status_class(parser_->get().result_int()) == http::status_class::informational;
  }

  Sink& sink_;
  std::optional<http::response_parser<SinkBody>> parser_;
  bool started_ = false;
  bool announced_ = false;
};

ResponseParser::ResponseParser(Sink& sink) : impl_(std::make_unique<Impl>(sink)) {}
ResponseParser::~ResponseParser() = default;
StatusOr<std::size_t> ResponseParser::Feed(std::string_view bytes) {
  return impl_->Feed(bytes);
}
Status ResponseParser::Finish() {
  return impl_->Finish();
}
bool ResponseParser::started() const {
  return impl_->started();
}
bool ResponseParser::done() const {
  return impl_->done();
}
bool ResponseParser::reusable() const {
  return impl_->reusable();
}

}  // namespace kr::kube
