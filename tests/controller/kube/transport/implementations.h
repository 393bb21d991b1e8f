#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "controller/kube/beast_transport.h"
#include "controller/kube/cpprest/cpprest_transport.h"
#include "controller/kube/credentials.h"

namespace kr::kube {

// A way to send single requests, for the suites that all of them must pass.
struct Implementation {
  std::string name;
  std::function<std::unique_ptr<Transport>(Credentials&, Clock&, TransportOptions)> make;

  friend std::ostream& operator<<(std::ostream& os, const Implementation& i) {
    return os << i.name;
  }
};

inline std::vector<Implementation> Implementations() {
  return {
      {"Beast",
       [](Credentials& credentials, Clock& clock, TransportOptions options) {
         return MakeBeastTransport(credentials, clock, std::move(options));
       }},
#ifdef KR_HAS_CPPREST
      {"Cpprest",
       [](Credentials& credentials, Clock&, TransportOptions options) {
         return MakeCpprestTransport(credentials, std::move(options));
       }},
#endif
  };
}

}  // namespace kr::kube
