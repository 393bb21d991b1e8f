#include "controller/runtime/health_server.h"

#include <charconv>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "controller/base/log.h"

namespace kr::runtime {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;

constexpr auto kAcceptRetry = std::chrono::milliseconds(100);

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

StatusOr<ListenAddress> ParseListenAddress(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == text.npos) return InvalidArgument("a listen address is host:port");
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);

  ListenAddress address{.host = std::string(host.empty() ? "0.0.0.0" : host)};
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc() || end != port.data() + port.size()) {
    return InvalidArgument("the port of a listen address is a number from 0 to 65535");
  }
  beast::error_code bad_host;
  const auto ip = asio::ip::make_address(address.host, bad_host);
  if (bad_host || ip.is_v6() != bracketed) {
    return InvalidArgument("the host of a listen address is an IPv4 address, or IPv6 in []");
  }
  return address;
}

class HealthServer::Impl {
 public:
  Impl(const Options& options, Content content)
      : options_(options), content_(content), io_(1), acceptor_(io_), retry_(io_) {}

  ~Impl() {
    io_.stop();
    if (thread_.joinable()) thread_.join();
  }

  Status Start() {
    beast::error_code error;
    const auto ip = asio::ip::make_address(options_.address.host, error);
    const tcp::endpoint endpoint(ip, options_.address.port);
    if (!error) acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (!error) port_ = acceptor_.local_endpoint(error).port();
    if (error) {
      return Unavailable("listening on " + options_.address.host + ":" +
                         std::to_string(options_.address.port) + ": " + error.message());
    }
    Accept();
    thread_ = std::jthread([this] { Run(); });
    return OkStatus();
  }

  uint16_t port() const { return port_; }

 private:
  void Run() {
    // A check that throws costs its connection, not the server.
    while (!io_.stopped()) {
      try {
        io_.run();
      } catch (const std::exception& e) {
        log::Error("Caught exception in the health server", {{"what", e.what()}});
      }
    }
  }

  void Accept() {
    acceptor_.async_accept([this](beast::error_code error, tcp::socket socket) {
      if (error) return AcceptLater();
      if (places_.use_count() <= static_cast<long>(options_.max_connections)) {
        std::make_shared<Connection>(std::move(socket), content_, options_, places_)->Read();
      }
      Accept();
    });
  }

  // Out of file descriptors, most likely: trying again at once would spin.
  void AcceptLater() {
    retry_.expires_after(kAcceptRetry);
    retry_.async_wait([this](beast::error_code error) {
      if (!error) Accept();
    });
  }

  const Options options_;
  const Content content_;
  // Each connection holds one reference: its count is the number of connections and one.
  const std::shared_ptr<void> places_ = std::make_shared<char>();
  asio::io_context io_;
  tcp::acceptor acceptor_;
  asio::steady_timer retry_;
  uint16_t port_ = 0;
  std::jthread thread_;
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
