#include "controller/kube/address_filter.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "controller/kube/connection.h"

namespace kr::kube {
namespace {

using boost::asio::ip::address;
using boost::asio::ip::address_v4;
using boost::asio::ip::address_v6;
using Bytes = address_v6::bytes_type;

address_v6 Mapped(const address& any) {
  return any.is_v6() ? any.to_v6()
                     : boost::asio::ip::make_address_v6(boost::asio::ip::v4_mapped, any.to_v4());
}

bool Contains(const Bytes& network, unsigned prefix, const Bytes& bytes) {
  for (unsigned bit = 0; bit < prefix; ++bit) {
    const unsigned mask = 0x80U >> (bit % 8);
    if ((network[bit / 8] & mask) != (bytes[bit / 8] & mask)) return false;
  }
  return true;
}

// The IPv4 address that packets to an IPv6 one may end up at.
std::optional<address_v4> Inside(const address_v6& v6) {
  const Bytes bytes = v6.to_bytes();
  const auto at = [&](size_t i) {
    return address_v4({bytes[i], bytes[i + 1], bytes[i + 2], bytes[i + 3]});
  };
  if (v6.is_unspecified() || v6.is_loopback()) return std::nullopt;
  if (v6.is_v4_mapped()) return at(12);
  const bool compatible = std::all_of(bytes.begin(), bytes.begin() + 12, [](auto b) { return !b; });
  const bool nat64 = Contains(Bytes{0, 0x64, 0xff, 0x9b}, 96, bytes);
  if (compatible || nat64) return at(12);
  if (bytes[0] == 0x20 && bytes[1] == 0x02) return at(2);  // 6to4
  return std::nullopt;
}

std::string_view KindOf(const address_v4& v4) {
  const address_v4::bytes_type bytes = v4.to_bytes();
  if (v4.is_loopback()) return "a loopback address";
  if (bytes[0] == 0) return "an unspecified address";
  if (bytes[0] == 169 && bytes[1] == 254) return "a link-local address";
  if (v4.is_multicast()) return "a multicast address";
  if (v4 == address_v4::broadcast()) return "a broadcast address";
  return "";
}

std::string_view KindOf(const address_v6& v6) {
  static const address_v6 kMetadata = boost::asio::ip::make_address_v6("fd00:ec2::254");
  if (v6.is_loopback()) return "a loopback address";
  if (v6.is_unspecified()) return "an unspecified address";
  if (v6.is_link_local()) return "a link-local address";
  if (v6.is_multicast()) return "a multicast address";
  if (v6 == kMetadata) return "the address of a cloud's metadata service";
  const std::optional<address_v4> v4 = Inside(v6);
  return v4 ? KindOf(*v4) : "";
}

}  // namespace

StatusOr<AddressFilter::Network> AddressFilter::Parse(const std::string& text) {
  const size_t slash = text.find('/');
  ErrorCode error;
  const address parsed = boost::asio::ip::make_address(text.substr(0, slash), error);
  if (error) return InvalidArgument("\"" + text + "\" is not a network such as 10.0.0.0/8");
  const unsigned bits = parsed.is_v4() ? 32 : 128;
  unsigned prefix = bits;
  if (slash != std::string::npos) {
    const char* const end = text.data() + text.size();
    const auto number = std::from_chars(text.data() + slash + 1, end, prefix);
    if (number.ec != std::errc() || number.ptr != end || prefix > bits) {
      return InvalidArgument("\"" + text + "\" is not a network: after / a number from 0 to " +
                             std::to_string(bits) + " is expected");
    }
  }
  return Network{Mapped(parsed), prefix + 128 - bits};
}

StatusOr<AddressFilter> AddressFilter::Make(const std::vector<std::string>& allowed_networks) {
  AddressFilter filter;
  for (const std::string& text : allowed_networks) {
    KR_ASSIGN_OR_RETURN(Network network, Parse(text));
    filter.allowed_.push_back(network);
  }
  return filter;
}

std::string_view AddressFilter::Refusal(const address& any) const {
  const address_v6 v6 = Mapped(any);
  const std::string_view kind = any.is_v4() ? KindOf(any.to_v4()) : KindOf(v6);
  if (kind.empty()) return "";
  const std::optional<address_v4> inside = Inside(v6);
  const Bytes plain = inside ? Mapped(*inside).to_bytes() : v6.to_bytes();
  const bool allowed = std::any_of(allowed_.begin(), allowed_.end(), [&](const Network& network) {
    return Contains(network.address.to_bytes(), network.prefix, plain) ||
           Contains(network.address.to_bytes(), network.prefix, v6.to_bytes());
  });
  return allowed ? "" : kind;
}

}  // namespace kr::kube
