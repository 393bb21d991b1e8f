#include "controller/runtime/health_server.h"

#include <optional>
#include <utility>
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "controller/runtime/listener.h"

namespace kr::runtime {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;

// What answers are made of; outlives every connection.
struct Content {
  const HealthChecks& healthz;
  const HealthChecks& readyz;
  const Metrics& metrics;
};

struct Reply {
  http::status status = http::status::ok;
  std::string body;
  const char* type = "text/plain; charset=utf-8";
};

struct Query {
  bool verbose = false;
  std::vector<std::string> exclude;
};

Query ParseQuery(std::string_view text) {
  Query query;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    if (pair == "verbose" || pair.starts_with("verbose=")) query.verbose = true;
    if (pair.starts_with("exclude=")) query.exclude.emplace_back(pair.substr(8));
  }
  return query;
}

Reply FromReport(HealthChecks::Report report) {
  return {.status = report.healthy ? http::status::ok : http::status::internal_server_error,
          .body = std::move(report.text)};
}

// `rest` is what follows the endpoint's name in the path: "" or "/name".
Reply Check(const HealthChecks& checks, std::string_view rest, const Query& query) {
  if (rest.empty() || rest == "/") return FromReport(checks.Run(query.verbose, query.exclude));
  StatusOr<HealthChecks::Report> report = checks.RunOne(rest.substr(1));
  if (!report.ok()) return {.status = http::status::not_found, .body = "404 page not found\n"};
  return FromReport(*std::move(report));
}

Reply Serve(const Content& content, std::string_view target) {
  const size_t mark = target.find('?');
  const std::string_view path = target.substr(0, mark);
  const Query query = ParseQuery(mark == target.npos ? "" : target.substr(mark + 1));
  if (path == "/metrics") {
    return {.body = content.metrics.Serialize(),
            .type = "text/plain; version=0.0.4; charset=utf-8"};
  }
  for (const auto& [name, checks] :
       {std::pair("/healthz", &content.healthz), std::pair("/readyz", &content.readyz)}) {
    const std::string_view prefix(name);
    if (path == prefix || (path.starts_with(prefix) && path[prefix.size()] == '/')) {
      return Check(*checks, path.substr(prefix.size()), query);
    }
  }
  return {.status = http::status::not_found, .body = "404 page not found\n"};
}

// One connection, kept alive by its own pending operation. Its destruction gives the place of the
// connection back.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, const Content& content, const HealthServer::Options& options,
             std::shared_ptr<void> place)
      : stream_(std::move(socket)),
        content_(content),
        options_(options),
        place_(std::move(place)) {}

  void Read() {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(options_.max_header_bytes));
    parser_->body_limit(0);
    stream_.expires_after(absl::ToChronoNanoseconds(options_.timeout));
    http::async_read(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](beast::error_code error, size_t) { self->OnRead(error); });
  }

 private:
  void OnRead(beast::error_code error) {
    if (error == http::error::header_limit) {
      return Write({.status = http::status::request_header_fields_too_large, .body = "\n"}, false);
    }
    if (error == http::error::body_limit) {
      return Write({.status = http::status::payload_too_large, .body = "\n"}, false);
    }
    if (error) return;  // closed, timed out, or not HTTP
    const auto& request = parser_->get();
    if (request.method() != http::verb::get && request.method() != http::verb::head) {
      return Write({.status = http::status::method_not_allowed, .body = "405 GET or HEAD only\n"},
                   false);
    }
    const auto target = request.target();
    Write(Serve(content_, {target.data(), target.size()}), request.keep_alive());
  }

  void Write(Reply reply, bool keep_alive) {
    const bool head = parser_->get().method() == http::verb::head;
    response_.emplace(reply.status, 11);
    response_->set(http::field::content_type, reply.type);
    response_->set(http::field::cache_control, "no-cache, private");
    response_->set("X-Content-Type-Options", "nosniff");
    if (reply.status == http::status::method_not_allowed) {
      response_->set(http::field::allow, "GET, HEAD");
    }
    response_->keep_alive(keep_alive);
    response_->content_length(reply.body.size());
    if (!head) response_->body() = std::move(reply.body);
    stream_.expires_after(absl::ToChronoNanoseconds(options_.timeout));
    http::async_write(stream_, *response_,
                      [self = shared_from_this()](beast::error_code error, size_t) {
                        if (error || !self->response_->keep_alive()) return;
                        self->Read();
                      });
  }

  beast::tcp_stream stream_;
  const Content& content_;
  const HealthServer::Options& options_;
  const std::shared_ptr<void> place_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::empty_body>> parser_;
  std::optional<http::response<http::string_body>> response_;
};

}  // namespace

class HealthServer::Impl {
 public:
  Impl(const Options& options, Content content)
      : options_(options),
        content_(content),
        listener_({.name = "health server",
                   .address = options_.address,
                   .max_connections = options_.max_connections},
                  [this](tcp::socket socket, std::shared_ptr<void> place) {
                    std::make_shared<Connection>(std::move(socket), content_, options_,
                                                 std::move(place))
                        ->Read();
                  }) {}

  Status Start() { return listener_.Start(); }
  uint16_t port() const { return listener_.port(); }

 private:
  const Options options_;
  const Content content_;
  Listener listener_;
};

HealthServer::HealthServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HealthServer::~HealthServer() = default;

StatusOr<std::unique_ptr<HealthServer>> HealthServer::Start(const Options& options,
                                                            const HealthChecks& healthz,
                                                            const HealthChecks& readyz,
                                                            const Metrics& metrics) {
  auto impl = std::make_unique<Impl>(options, Content{healthz, readyz, metrics});
  KR_RETURN_IF_ERROR(impl->Start());
  return std::unique_ptr<HealthServer>(new HealthServer(std::move(impl)));
}

uint16_t HealthServer::port() const {
  return impl_->port();
}

}  // namespace kr::runtime
