#include "controller/kube/client.h"

#include <algorithm>

#include "controller/base/mutex.h"
#include "controller/kube/api_error.h"
#include "controller/kube/warnings.h"

namespace kr::kube {
namespace {

// client-go's with_retry.go: so many attempts after the first, and this wait after a connection
// that broke.
constexpr int kMaxRetries = 10;
constexpr absl::Duration kReconnectWait = absl::Seconds(1);

class RealWaiter final : public Waiter {
 public:
  bool Wait(absl::Duration duration, std::stop_token stop) override {
    MutexLock lock(mu_);
    changed_.Wait(mu_, stop, duration, [] { return false; });
    return !stop.stop_requested();
  }

 private:
  Mutex mu_;
  CondVar changed_;
};

std::string Header(const HttpResponse& response, const char* name) {
  const auto it = response.headers.find(name);
  return it == response.headers.end() ? "" : it->second;
}

absl::Time ServerDate(const HttpResponse& response) {
  absl::Time date;
  const std::string text = Header(response, "date");
  return absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", text, &date, nullptr) ? date
                                                                            : absl::InfinitePast();
}

// How long to wait before the same request may be sent again; nullopt: it must not be.
// `unauthorized` counts the 401s so far, this one included.
std::optional<absl::Duration> WaitBeforeRetry(const HttpRequest& request, const Status& error,
                                              int unauthorized) {
  const std::optional<ApiError> refusal = GetApiError(error);
  if (!refusal) {
    const bool broken = absl::IsUnavailable(error);
    if (broken && request.method == "GET") return kReconnectWait;
    return std::nullopt;
  }
  if (refusal->code == 401 && unauthorized == 1) return absl::ZeroDuration();
  // A disruption budget blocks the eviction; that is an answer for the drain, not overload.
  if (refusal->HasCause("DisruptionBudget")) return std::nullopt;
  // With Retry-After the server says that it did not even begin.
  if (refusal->retry_after && (refusal->code == 429 || refusal->code >= 500)) {
    return *refusal->retry_after;
  }
  return std::nullopt;
}

class TransportClient final : public Client {
 public:
  TransportClient(Transport& transport, Clock& clock, std::unique_ptr<Waiter> own_waiter,
                  Waiter& waiter)
      : transport_(transport), clock_(clock), own_waiter_(std::move(own_waiter)), waiter_(waiter) {}

  StatusOr<Reply> Send(const HttpRequest& request, std::stop_token stop) override {
    const MonotonicTime deadline = clock_.Monotonic() + request.timeout;
    HttpRequest attempt = request;
    int unauthorized = 0;
    for (int retries = 0;; ++retries) {
      attempt.timeout = deadline - clock_.Monotonic();
      StatusOr<Reply> reply = SendOnce(attempt, stop);
      if (reply.ok()) return reply;
      if (absl::IsUnauthenticated(reply.status())) ++unauthorized;
      const std::optional<absl::Duration> wait =
          WaitBeforeRetry(request, reply.status(), unauthorized);
      const bool in_time = wait && clock_.Monotonic() + *wait < deadline;
      if (!in_time || retries == kMaxRetries) return reply;
      if (*wait > absl::ZeroDuration() && !waiter_.Wait(*wait, stop)) {
        return Cancelled("stopped while waiting to send again after: " +
                         std::string(Message(reply.status())));
      }
    }
  }

 private:
  StatusOr<Reply> SendOnce(const HttpRequest& request, std::stop_token stop) {
    KR_ASSIGN_OR_RETURN(HttpResponse response, transport_.Send(request, std::move(stop)));
    warnings_.Take(Header(response, "warning"));
    KR_RETURN_IF_ERROR(ToStatus(response));
    return Reply{.code = response.code,
                 .body = std::move(response.body),
                 .server_date = ServerDate(response)};
  }

  Transport& transport_;
  Clock& clock_;
  const std::unique_ptr<Waiter> own_waiter_;  // null when somebody else's is used
  Waiter& waiter_;
  WarningLog warnings_;
};

}  // namespace

std::unique_ptr<Client> MakeClient(Transport& transport, Clock& clock) {
  auto waiter = std::make_unique<RealWaiter>();
  Waiter& reference = *waiter;
  return std::make_unique<TransportClient>(transport, clock, std::move(waiter), reference);
}

std::unique_ptr<Client> MakeClient(Transport& transport, Clock& clock, Waiter& waiter) {
  return std::make_unique<TransportClient>(transport, clock, nullptr, waiter);
}

}  // namespace kr::kube
