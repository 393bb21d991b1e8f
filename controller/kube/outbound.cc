#include "controller/kube/outbound.h"

#include <algorithm>
#include <optional>

#include "controller/kube/beast_transport.h"
#include "controller/kube/exchange.h"
#include "controller/kube/host_resolver.h"
#include "controller/kube/tls.h"
#include "controller/kube/wire.h"

namespace kr::kube {
namespace {

class Caller final : public OutboundCaller {
 public:
  Caller(AddressFilter filter, Clock& clock) : filter_(std::move(filter)), clock_(clock) {}

  StatusOr<OutboundAnswer> Send(const OutboundRequest& request, std::stop_token stop) override {
    const ServerAddress& server = request.url.server;
    const Exchange::Limits limits{.deadline = clock_.Monotonic() + request.timeout,
                                  .max_body_bytes = request.max_body_bytes};
    KR_ASSIGN_OR_RETURN(const std::string wire, Wire(request));
    const TlsPeer peer{.name = server.host};
    KR_ASSIGN_OR_RETURN(PooledConnection::TlsContext tls, MakeTls(request, peer));
    KR_ASSIGN_OR_RETURN(const Endpoints found,
                        resolver_.Resolve(server.host, server.port, request.timeout, stop));
    KR_ASSIGN_OR_RETURN(Endpoints endpoints, Allowed(server.host, found));

    PooledConnection line(std::move(tls), clock_.Monotonic());
    Exchange exchange(line, server, limits, clock_, stop);
    Status status = exchange.Open(std::move(endpoints), SniName(peer));
    if (status.ok()) status = exchange.Run(wire);
    Exchange::Outcome outcome = exchange.Conclude(std::move(status));
    const bool truncated = absl::IsResourceExhausted(outcome.status) && outcome.response.code != 0;
    if (!truncated) KR_RETURN_IF_ERROR(outcome.status);
    return OutboundAnswer{std::move(outcome.response), truncated};
  }

 private:
  static StatusOr<std::string> Wire(const OutboundRequest& request) {
    const HttpRequest post{.method = "POST",
                           .target = request.url.target,
                           .content_type = request.content_type,
                           .body = request.body};
    Headers headers = request.headers;
    headers.emplace_back("Connection", "close");
    return WireRequest(post, request.url.server, "", DefaultUserAgent(), headers);
  }

  static StatusOr<PooledConnection::TlsContext> MakeTls(const OutboundRequest& request,
                                                        const TlsPeer& peer) {
    if (!request.url.server.tls) return PooledConnection::TlsContext();
    auto context =
        std::make_shared<boost::asio::ssl::context>(boost::asio::ssl::context::tls_client);
    KR_RETURN_IF_ERROR(
        ConfigureTls(context->native_handle(), {.extra_ca = request.extra_ca}, peer));
    return context;
  }

  StatusOr<Endpoints> Allowed(const std::string& host, const Endpoints& found) const {
    Endpoints allowed;
    for (const auto& endpoint : found) {
      if (filter_.Refusal(endpoint.address()).empty()) allowed.push_back(endpoint);
    }
    if (!allowed.empty()) return allowed;
    const auto address = found.front().address();
    const std::string kind(filter_.Refusal(address));
    const std::string text = address.to_string();
    return PermissionDenied(host == text ? text + " is " + kind
                                         : host + " is at " + text + ", " + kind);
  }

  const AddressFilter filter_;
  Clock& clock_;
  HostResolver resolver_;
};

}  // namespace

std::unique_ptr<OutboundCaller> MakeOutboundCaller(AddressFilter filter, Clock& clock) {
  return std::make_unique<Caller>(std::move(filter), clock);
}

}  // namespace kr::kube
