#include <array>
#include <charconv>

#include <arpa/inet.h>

#include "controller/kube/config.h"

namespace kr::kube {
namespace {

Status Malformed(std::string_view url, std::string_view expected) {
  return InvalidArgument("server " + std::string(url) + ": " + std::string(expected));
}

bool IsAddress(int family, const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> address;
  return inet_pton(family, host.c_str(), address.data()) == 1;
}

}  // namespace

bool ServerAddress::IsIpLiteral() const {
  return IsAddress(AF_INET, host) || IsAddress(AF_INET6, host);
}

std::string ServerAddress::HostHeader() const {
  std::string header = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != (tls ? 443 : 80)) header.append(":").append(std::to_string(port));
  return header;
}

StatusOr<ServerAddress> ParseServerUrl(std::string_view url) {
  ServerAddress address;
  std::string_view rest = url;
  if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
    address.tls = false;
    address.port = 80;
  } else {
    return Malformed(url, "expected https://host[:port]");
  }
  if (rest.find_first_of("?#@ \t\r\n") != std::string_view::npos) {
    return Malformed(url, "expected a URL without user, query, fragment or spaces");
  }
  const std::size_t slash = rest.find('/');
  if (slash != std::string_view::npos) {
    address.base_path = rest.substr(slash);
    while (address.base_path.ends_with('/')) address.base_path.pop_back();
    rest = rest.substr(0, slash);
  }

  std::string_view port;
  if (rest.starts_with('[')) {
    const std::size_t end = rest.find(']');
    if (end == std::string_view::npos) return Malformed(url, "expected ] after the IPv6 address");
    address.host = rest.substr(1, end - 1);
    port = rest.substr(end + 1);
    if (!IsAddress(AF_INET6, address.host)) return Malformed(url, "expected an IPv6 address in []");
  } else {
    const std::size_t colon = rest.find(':');
    address.host = rest.substr(0, colon);
    if (colon != std::string_view::npos) port = rest.substr(colon);
  }
  if (address.host.empty()) return Malformed(url, "expected a host");
  if (port.empty()) return address;
  const char* const end = port.data() + port.size();
  const auto parsed = std::from_chars(port.data() + 1, end, address.port);
  if (!port.starts_with(':') || parsed.ec != std::errc() || parsed.ptr != end ||
      address.port == 0) {
    return Malformed(url, "expected a port between 1 and 65535");
  }
  return address;
}

}  // namespace kr::kube
