// The only file that knows cpprestsdk, whose version 2.10 is the last one: what it does by default
// and an API client must not have is switched off here, with the reason beside it.
#include "controller/kube/cpprest/cpprest_transport.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <stdexcept>

#define _TURN_OFF_PLATFORM_STRING  // its macro U collides with everybody's template parameters
#include <cpprest/http_client.h>
#include <pplx/threadpool.h>

#include "absl/strings/ascii.h"
#include "controller/base/log.h"
#include "controller/kube/cpprest/watchdog.h"
#include "controller/kube/tls.h"
#include "controller/kube/wire.h"

namespace kr::kube {
namespace {

using web::http::client::http_client;
using web::http::client::http_client_config;

// Its timer is one of inactivity and per client, the total limit is the watchdog's. This only
// frees what hangs although it was cancelled.
constexpr std::chrono::minutes kInactivity{5};

// The default is 40 threads, started with the first client; ours block nothing in the pool.
void LimitThreadPool() {
  static std::once_flag once;
  std::call_once(once, [] {
    try {
      crossplat::threadpool::initialize_with_threads(2);
    } catch (const std::exception& e) {
      log::Warning("Thread pool of cpprestsdk kept its size", {{"reason", e.what()}});
    }
  });
}

http_client_config MakeConfig(const std::shared_ptr<const TlsMaterial>& material,
                              const TlsPeer& peer) {
  http_client_config config;
  config.set_timeout(kInactivity);
  // Redirects would carry the Authorization header to whatever host the answer names.
  config.set_max_redirects(0);
  if (material == nullptr) return config;
  config.set_validate_certificates(peer.verify);
  // SNI is ours: the library would send IP addresses, and the host instead of tls-server-name.
  config.set_tlsext_sni_enabled(false);
  config.set_nativehandle_options([sni = std::string(SniName(peer))](void* handle) {
    auto* stream = static_cast<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>*>(handle);
    if (!sni.empty()) SSL_set_tlsext_host_name(stream->native_handle(), sni.c_str());
  });
  // Called for each new connection.
  config.set_ssl_context_callback([material, peer](boost::asio::ssl::context& context) {
    const Status status = ConfigureTls(context.native_handle(), *material, peer);
    if (!status.ok()) throw std::runtime_error(std::string(Message(status)));
  });
  return config;
}

std::string BaseUri(const ServerAddress& server) {
  const std::string host =
      server.host.find(':') == std::string::npos ? server.host : "[" + server.host + "]";
  return (server.tls ? "https://" : "http://") + host + ":" + std::to_string(server.port);
}

// A failed handshake carries OpenSSL's number; the library's text does not say why.
std::string TlsReason(int code) {
  const char* reason = ERR_reason_error_string(static_cast<unsigned>(code));
  return ERR_GET_LIB(static_cast<unsigned>(code)) == ERR_LIB_SSL && reason != nullptr
             ? std::string(" (") + reason + ")"
             : "";
}

// Why a request was given up, and the means to do so.
struct Abort {
  pplx::cancellation_token_source source;
  std::atomic<bool> expired = false;
};

class CpprestTransport final : public Transport {
 public:
  CpprestTransport(Credentials& credentials, TransportOptions options)
      : credentials_(credentials), options_(std::move(options)) {
    LimitThreadPool();
  }

  StatusOr<HttpResponse> Send(const HttpRequest& request, std::stop_token stop) override {
    KR_ASSIGN_OR_RETURN(const std::string authorization, credentials_.Authorization());
    // The library would put control characters into headers as they are.
    KR_RETURN_IF_ERROR(CheckRequest(request, authorization));
    if (stop.stop_requested()) return Cancelled(Doing() + "stopped");
    KR_ASSIGN_OR_RETURN(const std::shared_ptr<http_client> client, CurrentClient());

    Abort abort;
    const Watchdog::Id deadline = watchdog_.Arm(std::min(request.timeout, absl::Hours(24)), [&] {
      abort.expired = true;
      abort.source.cancel();
    });
    StatusOr<HttpResponse> response = Internal("");
    {
      const std::stop_callback on_stop(stop, [&] { abort.source.cancel(); });
      response = Exchange(*client, request, authorization, abort.source.get_token());
    }
    watchdog_.Disarm(deadline);
    if (response.ok() && response->code != 401) return response;
    // A refused certificate shows as a broken connection, on either side.
    credentials_.Invalidate();
    if (response.ok() || absl::IsResourceExhausted(response.status())) return response;
    if (stop.stop_requested()) return Cancelled(Doing() + "stopped");
    if (abort.expired) return DeadlineExceeded(Doing() + "no answer in time");
    return response;
  }

 private:
  const ServerAddress& server() const { return credentials_.cluster().server; }
  std::string Doing() const { return "asking " + server().HostHeader() + ": "; }

  // A new one when the certificates rotated, so that no old connection is used again. The old one
  // lives until its last request is answered.
  StatusOr<std::shared_ptr<http_client>> CurrentClient() {
    std::shared_ptr<const TlsMaterial> material;
    if (server().tls) {
      KR_ASSIGN_OR_RETURN(material, credentials_.Tls());
    }
    MutexLock lock(mu_);
    if (client_ != nullptr && material == material_) return client_;
    try {
      client_ = std::make_shared<http_client>(web::uri(BaseUri(server())),
                                              MakeConfig(material, credentials_.peer()));
    } catch (const std::exception& e) {  // web::uri_exception and whatever else
      return InvalidArgument("server " + BaseUri(server()) + ": " + e.what());
    }
    material_ = std::move(material);
    return client_;
  }

  web::http::http_request MakeRequest(const HttpRequest& request,
                                      const std::string& authorization) const {
    web::http::http_request made(request.method);
    made.set_request_uri(web::uri(server().base_path + request.target));
    made.headers().add("User-Agent", options_.user_agent);
    made.headers().add("Accept", request.accept);
    // The library's own credentials would keep a copy of the secret.
    if (!authorization.empty()) made.headers().add("Authorization", authorization);
    if (!request.body.empty()) {
      // As bytes: for a std::string the library calls a char buffer one of unsigned char.
      std::vector<unsigned char> body(request.body.begin(), request.body.end());
      const std::size_t size = body.size();
      made.set_body(concurrency::streams::bytestream::open_istream(std::move(body)), size,
                    request.content_type);
    }
    return made;
  }

  // Always waits for the task: a dropped one that fails ends the process.
  StatusOr<HttpResponse> Exchange(http_client& client, const HttpRequest& request,
                                  const std::string& authorization,
                                  const pplx::cancellation_token& token) const {
    try {
      web::http::http_response answer =
          client.request(MakeRequest(request, authorization), token).get();
      HttpResponse response{.code = answer.status_code()};
      for (const auto& [name, value] : answer.headers()) {
        std::string& stored = response.headers[absl::AsciiStrToLower(name)];
        stored.append(stored.empty() ? "" : ", ").append(value);
      }
      // extract_string is empty when there is no Content-Type, and converts from Latin-1.
      const std::vector<unsigned char> body = answer.extract_vector().get();
      if (body.size() > options_.max_body_bytes) {
        return ResourceExhausted("the answer is longer than " +
                                 std::to_string(options_.max_body_bytes) + " bytes");
      }
      response.body.assign(body.begin(), body.end());
      return response;
    } catch (const web::http::http_exception& e) {
      return Unavailable(Doing() + e.what() + TlsReason(e.error_code().value()));
    } catch (const std::exception& e) {  // Boost's and our own
      return Unavailable(Doing() + e.what());
    }
  }

  Credentials& credentials_;
  const TransportOptions options_;

  Mutex mu_;
  std::shared_ptr<const TlsMaterial> material_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<http_client> client_ ABSL_GUARDED_BY(mu_);

  Watchdog watchdog_;
};

}  // namespace

std::unique_ptr<Transport> MakeCpprestTransport(Credentials& credentials,
                                                TransportOptions options) {
  return std::make_unique<CpprestTransport>(credentials, std::move(options));
}

}  // namespace kr::kube
