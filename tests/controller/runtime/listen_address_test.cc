#include "controller/runtime/listen_address.h"

#include <string>

#include <gtest/gtest.h>

namespace kr::runtime {
namespace {

TEST(ListenAddress, Parses) {
  struct Case {
    const char* text;
    std::string host;  // "" = refused
    int port;
  };
  for (const Case& c : {
           Case{"127.0.0.1:8080", "127.0.0.1", 8080},
           Case{":8080", "0.0.0.0", 8080},
           Case{"[::1]:0", "::1", 0},
           Case{"[::]:65535", "::", 65535},
           Case{"8080", "", 0},
           Case{"localhost:8080", "", 0},
           Case{"::1:8080", "", 0},
           Case{"127.0.0.1:65536", "", 0},
           Case{"127.0.0.1:", "", 0},
           Case{"127.0.0.1:80x", "", 0},
           Case{"[127.0.0.1]:80", "", 0},
           Case{"", "", 0},
       }) {
    SCOPED_TRACE(c.text);
    const StatusOr<ListenAddress> address = ParseListenAddress(c.text);
    ASSERT_EQ(address.ok(), !c.host.empty());
    if (!address.ok()) continue;
    EXPECT_EQ(address->host, c.host);
    EXPECT_EQ(address->port, c.port);
  }
}

}  // namespace
}  // namespace kr::runtime
