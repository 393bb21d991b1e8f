#include "controller/runtime/webhook_server.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <openssl/crypto.h>

#include "controller/base/log.h"
#include "controller/runtime/listener.h"

namespace kr::runtime {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;
using tcp = asio::ip::tcp;

constexpr std::string_view kBearer = "Bearer ";

StatusOr<std::string> ReadText(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in || text.empty()) return InvalidArgument(file + ": cannot be read, or is empty");
  return text;
}

// What a connection is made with.
struct Secrets {
  std::shared_ptr<ssl::context> tls;
  std::string token;
};

// Reads them from their files, again whenever one has changed.
class SecretFiles {
 public:
  explicit SecretFiles(const WebhookServer::Options& options)
      : cert_(options.cert_file), key_(options.key_file), token_(options.token_file) {}

  Status Load() {
    const std::string stamp = Stamp();
    KR_ASSIGN_OR_RETURN(const std::string cert, ReadText(cert_));
    KR_ASSIGN_OR_RETURN(const std::string key, ReadText(key_));
    KR_ASSIGN_OR_RETURN(std::string token, ReadText(token_));
    while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
    if (token.empty()) return InvalidArgument(token_ + ": holds no token");
    auto tls = std::make_shared<ssl::context>(ssl::context::tls_server);
    beast::error_code error;
    tls->set_options(ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1, error);
    tls->use_certificate_chain(asio::buffer(cert), error);
    if (error) return InvalidArgument(cert_ + ": is no PEM certificate: " + error.message());
    tls->use_private_key(asio::buffer(key), ssl::context::pem, error);
    if (error) {
      return InvalidArgument(key_ + ": is not the private key of " + cert_ + ": " +
                             error.message());
    }
    secrets_ = {std::move(tls), std::move(token)};
    stamp_ = stamp;
    return OkStatus();
  }

  // The newest that could be read.
  const Secrets& Get() {
    if (Stamp() == stamp_) return secrets_;
    if (const Status status = Load(); !status.ok()) {
      log::Error("The webhook server keeps its old certificate and token",
                 {{"error", Message(status)}});
    } else {
      log::Info("The webhook server has read its certificate and token anew");
    }
    return secrets_;
  }

 private:
  // Changes when a file does: kubelet and cert-manager replace files, they do not write into them.
  std::string Stamp() const {
    std::string stamp;
    for (const std::string* file : {&cert_, &key_, &token_}) {
      std::error_code error;
      const auto time = std::filesystem::last_write_time(*file, error);
      const auto size = std::filesystem::file_size(*file, error);
      stamp += std::to_string(time.time_since_epoch().count()) + "/" + std::to_string(size) + " ";
    }
    return stamp;
  }

  const std::string cert_, key_, token_;
  std::string stamp_;
  Secrets secrets_;
};

bool SameText(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

// One connection, kept alive by its own pending operation.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, Secrets secrets, const WebhookServer::Handler& handler,
             const WebhookServer::Options& options, std::shared_ptr<void> place)
      : secrets_(std::move(secrets)),
        stream_(std::move(socket), *secrets_.tls),
        handler_(handler),
        options_(options),
        place_(std::move(place)) {}

  void Begin() {
    Expire();
    stream_.async_handshake(ssl::stream_base::server,
                            [self = shared_from_this()](beast::error_code error) {
                              if (!error) self->Read();
                            });
  }

 private:
  void Expire() {
    beast::get_lowest_layer(stream_).expires_after(absl::ToChronoNanoseconds(options_.timeout));
  }

  // The head first: a body is taken only from somebody who may send one.
  void Read() {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(options_.max_header_bytes));
    parser_->body_limit(options_.max_body_bytes);
    Expire();
    http::async_read_header(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](beast::error_code error, size_t) { self->OnHeader(error); });
  }

  void OnHeader(beast::error_code error) {
    if (error == http::error::header_limit) return Write({431, "the head is too large"}, false);
    if (error == http::error::body_limit) return TooLarge();
    if (error) return;  // closed, timed out, or not HTTP
    const auto& request = parser_->get();
    const std::string_view target(request.target().data(), request.target().size());
    if (target.substr(0, target.find('?')) != options_.path) {
      return Write({404, "post to " + options_.path}, false);
    }
    if (request.method() != http::verb::post) return Write({405, "POST only"}, false);
    const auto header = request[http::field::authorization];
    const std::string_view authorization(header.data(), header.size());
    if (!authorization.starts_with(kBearer) ||
        !SameText(authorization.substr(kBearer.size()), secrets_.token)) {
      return Write({401, "a bearer token is needed, and this is not the one"}, false);
    }
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](beast::error_code e, size_t) { self->OnBody(e); });
  }

  void OnBody(beast::error_code error) {
    if (error == http::error::body_limit) return TooLarge();
    if (error) return;
    WebhookServer::Answer answer = handler_(parser_->get().body());
    const bool keep = parser_->get().keep_alive() && answer.code != 503;
    Write(std::move(answer), keep);
  }

  void TooLarge() {
    Write({413, "the body is larger than " + std::to_string(options_.max_body_bytes) + " bytes"},
          false);
  }

  void Write(WebhookServer::Answer answer, bool keep_alive) {
    response_.emplace(static_cast<http::status>(answer.code), 11);
    response_->set(http::field::content_type, "text/plain; charset=utf-8");
    response_->set("X-Content-Type-Options", "nosniff");
    if (answer.code == 401) response_->set(http::field::www_authenticate, "Bearer");
    if (answer.code == 405) response_->set(http::field::allow, "POST");
    response_->keep_alive(keep_alive);
    response_->body() = std::move(answer.message) + "\n";
    response_->prepare_payload();
    Expire();
    http::async_write(stream_, *response_,
                      [self = shared_from_this()](beast::error_code error, size_t) {
                        if (error) return;
                        if (self->response_->keep_alive()) return self->Read();
                        self->Close();
                      });
  }

  void Close() {
    Expire();
    stream_.async_shutdown([self = shared_from_this()](beast::error_code) {});
  }

  const Secrets secrets_;
  beast::ssl_stream<beast::tcp_stream> stream_;
  const WebhookServer::Handler& handler_;
  const WebhookServer::Options& options_;
  const std::shared_ptr<void> place_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<http::response<http::string_body>> response_;
};

}  // namespace

class WebhookServer::Impl {
 public:
  Impl(Options options, Handler handler)
      : options_(std::move(options)),
        handler_(std::move(handler)),
        files_(options_),
        listener_({.name = "webhook server",
                   .address = options_.address,
                   .max_connections = options_.max_connections},
                  [this](tcp::socket socket, std::shared_ptr<void> place) {
                    std::make_shared<Connection>(std::move(socket), files_.Get(), handler_,
                                                 options_, std::move(place))
                        ->Begin();
                  }) {}

  Status Start() {
    KR_RETURN_IF_ERROR(files_.Load());
    return listener_.Start();
  }
  uint16_t port() const { return listener_.port(); }

 private:
  const Options options_;
  const Handler handler_;
  SecretFiles files_;
  Listener listener_;
};

WebhookServer::WebhookServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
WebhookServer::~WebhookServer() = default;

StatusOr<std::unique_ptr<WebhookServer>> WebhookServer::Start(Options options, Handler handler) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(handler));
  KR_RETURN_IF_ERROR(impl->Start());
  return std::unique_ptr<WebhookServer>(new WebhookServer(std::move(impl)));
}

uint16_t WebhookServer::port() const {
  return impl_->port();
}

}  // namespace kr::runtime
