#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "controller/base/clock.h"
#include "controller/base/status.h"
#include "controller/kube/credentials.h"
#include "controller/kube/http.h"

namespace kr::cmd {

// Makes what sends single requests; both arguments must outlive it.
using TransportMaker = std::function<std::unique_ptr<kube::Transport>(kube::Credentials&, Clock&)>;

// The one that the configuration calls `name`, one of Transports(). That of cpprestsdk is a module
// in the folder of the program, which is loaded here and never unloaded: nobody who does not use it
// pays for it. Unavailable: it is not there, or was built for another program.
StatusOr<TransportMaker> FindTransport(std::string_view name);

}  // namespace kr::cmd
