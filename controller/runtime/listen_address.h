#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "controller/base/status.h"

namespace kr::runtime {

struct ListenAddress {
  std::string host;  // an IP literal
  uint16_t port = 0;
};
// "127.0.0.1:8080", "[::1]:8080", ":8080" (all interfaces; port 0 = any free one).
StatusOr<ListenAddress> ParseListenAddress(std::string_view text);

}  // namespace kr::runtime
