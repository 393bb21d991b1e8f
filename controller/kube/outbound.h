#pragma once

#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "controller/base/clock.h"
#include "controller/base/status.h"
#include "controller/kube/address_filter.h"
#include "controller/kube/config.h"
#include "controller/kube/http.h"

// Calls to servers that are not the API server.
namespace kr::kube {

// A POST as data. `url` and `headers` may hold secrets; nothing here repeats them.
struct OutboundRequest {
  OutboundUrl url;
  std::string content_type;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // besides the usual ones
  std::string extra_ca;                        // PEM, trusted beside the system's roots; "" = none
  absl::Duration timeout = absl::Seconds(30);  // from resolving the name to the last byte
  std::size_t max_body_bytes = 16 * 1024;      // of the answer
};

struct OutboundAnswer {
  HttpResponse response;
  bool truncated = false;  // the body was longer; its beginning may be there
};

// Sends over a connection of its own, which it makes to an address that it has looked at itself:
// what the name resolves to later matters to nobody. No proxy, no redirect is followed.
// Thread-safe; blocks at most for request.timeout.
class OutboundCaller {
 public:
  virtual ~OutboundCaller() = default;
  // Any HTTP answer is OK here. Errors: PermissionDenied (the address is refused; nothing was
  // sent), InvalidArgument (what cannot be sent, or `extra_ca`), otherwise those of
  // Transport::Send.
  virtual StatusOr<OutboundAnswer> Send(const OutboundRequest& request, std::stop_token stop) = 0;
};

// The calling thread drives its connection; one thread for names that need DNS. `clock` must
// outlive it; no Send may be running when it is destroyed.
std::unique_ptr<OutboundCaller> MakeOutboundCaller(AddressFilter filter, Clock& clock);

}  // namespace kr::kube
