#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "controller/base/status.h"

namespace kr::values {

// An IPv4 or IPv6 address without zone, after the rules of Go's net/netip: stricter than inet_pton
// about leading zeros, looser about upper case.
class IpAddress {
 public:
  // As Kubernetes' CEL reads an address. InvalidArgument for anything that is none, for zones
  // (fe80::1%eth0) and for IPv4 addresses in IPv6 form (::ffff:1.2.3.4).
  static StatusOr<IpAddress> Parse(std::string_view text);
  // The same, but takes IPv4 addresses in IPv6 form.
  static StatusOr<IpAddress> ParseAny(std::string_view text);

  int family() const { return bits_ == 32 ? 4 : 6; }
  int bits() const { return bits_; }

  bool IsUnspecified() const;
  bool IsLoopback() const;
  bool IsLinkLocalMulticast() const;
  bool IsLinkLocalUnicast() const;
  bool IsMulticast() const;
  bool IsGlobalUnicast() const;
  bool IsV4InV6() const;

  // Whether the first `length` bits are those of `other`; false for another family.
  bool SharesPrefix(const IpAddress& other, int length) const;
  // With all bits behind the first `length` cleared.
  IpAddress Masked(int length) const;
  // Canonical: dotted decimal, or RFC 5952.
  std::string ToString() const;

  bool operator==(const IpAddress& other) const {
    return bits_ == other.bits_ && bytes_ == other.bytes_;
  }

 private:
  static std::optional<IpAddress> ParseV4(std::string_view text);
  static std::optional<IpAddress> ParseV6(std::string_view text);
  bool StartsWith(std::initializer_list<uint8_t> bytes) const;

  std::array<uint8_t, 16> bytes_ = {};  // of IPv4 the first four
  uint8_t bits_ = 32;
};

// An address with the length of its network's prefix. The bits behind the prefix may be set.
class Cidr {
 public:
  // InvalidArgument for anything but address/length, see IpAddress::Parse.
  static StatusOr<Cidr> Parse(std::string_view text);

  const IpAddress& address() const { return address_; }
  int length() const { return length_; }
  bool Contains(const IpAddress& address) const { return address_.SharesPrefix(address, length_); }
  bool Contains(const Cidr& other) const {
    return length_ <= other.length_ && Contains(other.address_);
  }
  Cidr Masked() const { return Cidr(address_.Masked(length_), length_); }
  std::string ToString() const;

  bool operator==(const Cidr& other) const {
    return length_ == other.length_ && address_ == other.address_;
  }

 private:
  Cidr(IpAddress address, int length) : address_(address), length_(length) {}
  IpAddress address_;
  int length_;
};

}  // namespace kr::values
