#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/ip/address.hpp>

#include "controller/base/status.h"

namespace kr::kube {

// Which addresses may be connected to on the word of somebody who could name any host: not this
// machine itself (loopback, unspecified), not what only this network segment answers to
// (link-local, and with it the metadata services of clouds; multicast, broadcast). An IPv4 address
// inside an IPv6 one (mapped, compatible, NAT64, 6to4) counts as itself. Immutable.
class AddressFilter {
 public:
  // The networks are exceptions, as "127.0.0.1", "127.0.0.0/8" or "fe80::/10". InvalidArgument
  // names the one that cannot be read.
  static StatusOr<AddressFilter> Make(const std::vector<std::string>& allowed_networks);

  // "" when it may; otherwise what it is: "a loopback address".
  std::string_view Refusal(const boost::asio::ip::address& address) const;

 private:
  struct Network {
    boost::asio::ip::address_v6 address;  // IPv4 as mapped
    unsigned prefix = 0;
  };
  static StatusOr<Network> Parse(const std::string& text);

  std::vector<Network> allowed_;
};

}  // namespace kr::kube
