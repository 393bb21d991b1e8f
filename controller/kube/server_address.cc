#include <algorithm>
#include <array>
#include <charconv>

#include <arpa/inet.h>

#include "controller/kube/config.h"

namespace kr::kube {
namespace {

bool IsAddress(int family, const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> address;
  return inet_pton(family, host.c_str(), address.data()) == 1;
}

// Without naming the URL in its errors, which may be a secret.
StatusOr<ServerAddress> Parse(std::string_view url) {
  ServerAddress address;
  std::string_view rest = url;
  if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
    address.tls = false;
    address.port = 80;
  } else {
    return InvalidArgument("expected https://host[:port]");
  }
  if (rest.find_first_of("?#@ \t\r\n") != std::string_view::npos) {
    return InvalidArgument("expected a URL without user, query, fragment or spaces");
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
    if (end == std::string_view::npos) return InvalidArgument("expected ] after the IPv6 address");
    address.host = rest.substr(1, end - 1);
    port = rest.substr(end + 1);
    if (!IsAddress(AF_INET6, address.host))
      return InvalidArgument("expected an IPv6 address in []");
  } else {
    const std::size_t colon = rest.find(':');
    address.host = rest.substr(0, colon);
    if (colon != std::string_view::npos) port = rest.substr(colon);
  }
  if (address.host.empty()) return InvalidArgument("expected a host");
  if (port.empty()) return address;
  const char* const end = port.data() + port.size();
  const auto parsed = std::from_chars(port.data() + 1, end, address.port);
  if (!port.starts_with(':') || parsed.ec != std::errc() || parsed.ptr != end ||
      address.port == 0) {
    return InvalidArgument("expected a port between 1 and 65535");
  }
  return address;
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
  StatusOr<ServerAddress> address = Parse(url);
  if (!address.ok()) return Annotate(address.status(), "server " + std::string(url));
  return address;
}

StatusOr<OutboundUrl> ParseOutboundUrl(std::string_view url) {
  const std::size_t scheme = url.find("://");
  const std::size_t host = scheme == url.npos ? 0 : scheme + 3;
  const std::size_t path = std::min(url.find_first_of("/?#", host), url.size());
  OutboundUrl outbound;
  KR_ASSIGN_OR_RETURN(outbound.server, Parse(url.substr(0, path)));
  outbound.target = url.substr(path);
  if (outbound.target.find('#') != std::string::npos) {
    return InvalidArgument("expected a URL without fragment");
  }
  if (!outbound.target.starts_with('/')) outbound.target.insert(0, 1, '/');
  return outbound;
}

}  // namespace kr::kube
