#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "controller/base/clock.h"
#include "controller/kube/http.h"

namespace kr::kube {

// An answer of the API server that said yes.
struct Reply {
  int code = 200;
  std::string body;
  absl::Time server_date;  // the Date header; InfinitePast when there was none
};

// Single requests with the rules of client-go's rest client: 429 and 5xx that carry Retry-After
// were refused before they were executed and are sent again within request.timeout (not an eviction
// that a disruption budget blocks); GETs also after a broken connection; 401 once with fresh
// credentials (the transport re-reads them). Anything else that is not 2xx is an error with its
// ApiError (api_error.h). Warnings of the server are logged once per text. Thread-safe.
class Client {
 public:
  virtual ~Client() = default;
  virtual StatusOr<Reply> Send(const HttpRequest& request, std::stop_token stop) = 0;
};

// How a Client waits between two attempts; tests let time pass at once.
class Waiter {
 public:
  virtual ~Waiter() = default;
  // False when `stop` was requested before `duration` was over. Thread-safe.
  virtual bool Wait(absl::Duration duration, std::stop_token stop) = 0;
};

// Over a Transport; waits really. `transport` and `clock` must outlive it.
std::unique_ptr<Client> MakeClient(Transport& transport, Clock& clock);
std::unique_ptr<Client> MakeClient(Transport& transport, Clock& clock, Waiter& waiter);

}  // namespace kr::kube
