#include "controller/kube/beast_transport.h"

#include <algorithm>

#include "controller/kube/connection_pool.h"
#include "controller/kube/exchange.h"
#include "controller/kube/host_resolver.h"
#include "controller/kube/tls_context_cache.h"
#include "controller/kube/wire.h"

namespace kr::kube {
namespace {

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
