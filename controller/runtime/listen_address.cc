#include "controller/runtime/listen_address.h"

#include <charconv>

#include <boost/asio/ip/address.hpp>

namespace kr::runtime {

StatusOr<ListenAddress> ParseListenAddress(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == text.npos) return InvalidArgument("a listen address is host:port");
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);

  ListenAddress address{.host = std::string(host.empty() ? "0.0.0.0" : host)};
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc() || end != port.data() + port.size()) {
    return InvalidArgument("the port of a listen address is a number from 0 to 65535");
  }
  boost::system::error_code bad_host;
  const auto ip = boost::asio::ip::make_address(address.host, bad_host);
  if (bad_host || ip.is_v6() != bracketed) {
    return InvalidArgument("the host of a listen address is an IPv4 address, or IPv6 in []");
  }
  return address;
}

}  // namespace kr::runtime
