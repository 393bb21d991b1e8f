#include "controller/values/ip_address.h"

#include <algorithm>
#include <charconv>

namespace kr::values {
namespace {

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// The number that all of `text` is, in 0..most and without leading zeros.
std::optional<int> Number(std::string_view text, int most) {
  if (text.empty() || !std::all_of(text.begin(), text.end(), IsDigit)) return std::nullopt;
  if (text.size() > 1 && text[0] == '0') return std::nullopt;
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value > most) return std::nullopt;
  return value;
}

Status NoAddress(std::string_view text) {
  return InvalidArgument("'" + std::string(text.substr(0, 64)) + "' is no IP address");
}

}  // namespace

std::optional<IpAddress> IpAddress::ParseV4(std::string_view text) {
  IpAddress address;
  for (size_t i = 0; i < 4; ++i) {
    const size_t dot = i < 3 ? text.find('.') : text.size();
    if (dot == text.npos) return std::nullopt;
    const auto byte = Number(text.substr(0, dot), 255);
    if (!byte.has_value()) return std::nullopt;
    address.bytes_[i] = static_cast<uint8_t>(*byte);
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  return address;
}

std::optional<IpAddress> IpAddress::ParseV6(std::string_view text) {
  IpAddress address;
  address.bits_ = 128;
  auto& bytes = address.bytes_;
  size_t at = 0;
  std::optional<size_t> gap;  // where :: stands
  if (text.substr(0, 2) == "::") {
    gap = 0;
    text.remove_prefix(2);
  }
  while (!text.empty()) {
    if (at == 16) return std::nullopt;
    const size_t colon = std::min(text.find(':'), text.size());
    const std::string_view group = text.substr(0, colon);
    if (group.find('.') != group.npos) {
      const auto v4 = ParseV4(text);
      if (!v4.has_value() || at > 12 || (!gap.has_value() && at != 12)) return std::nullopt;
      std::copy_n(v4->bytes_.begin(), 4, bytes.begin() + static_cast<ptrdiff_t>(at));
      at += 4;
      break;
    }
    uint16_t value = 0;
    const auto [end, error] = std::from_chars(group.data(), group.data() + group.size(), value, 16);
    if (group.empty() || group.size() > 4 || error != std::errc() ||
        end != group.data() + group.size()) {
      return std::nullopt;
    }
    bytes[at++] = static_cast<uint8_t>(value >> 8);
    bytes[at++] = static_cast<uint8_t>(value & 0xff);
    text.remove_prefix(colon);
    if (text.empty()) break;
    text.remove_prefix(1);
    if (text.empty()) return std::nullopt;
    if (text[0] != ':') continue;
    if (gap.has_value()) return std::nullopt;
    gap = at;
    text.remove_prefix(1);
  }
  if (at == 16) return gap.has_value() ? std::nullopt : std::optional(address);
  if (!gap.has_value()) return std::nullopt;
  const auto begin = bytes.begin();
  std::copy_backward(begin + static_cast<ptrdiff_t>(*gap), begin + static_cast<ptrdiff_t>(at),
                     bytes.end());
  std::fill_n(begin + static_cast<ptrdiff_t>(*gap), 16 - at, uint8_t{0});
  return address;
}

StatusOr<IpAddress> IpAddress::ParseAny(std::string_view text) {
  // What comes first decides, as in net/netip.
  const size_t mark = text.find_first_of(".:");
  if (mark == text.npos) return NoAddress(text);
  const auto address = text[mark] == '.' ? ParseV4(text) : ParseV6(text);
  return address.has_value() ? StatusOr<IpAddress>(*address) : NoAddress(text);
}

StatusOr<IpAddress> IpAddress::Parse(std::string_view text) {
  if (text.find('%') != text.npos) {
    return InvalidArgument("'" + std::string(text.substr(0, 64)) +
                           "' has a zone, which no address here may have");
  }
  KR_ASSIGN_OR_RETURN(const IpAddress address, ParseAny(text));
  if (address.IsV4InV6()) {
    return InvalidArgument("'" + std::string(text) + "' is an IPv4 address in IPv6 form");
  }
  return address;
}

bool IpAddress::StartsWith(std::initializer_list<uint8_t> bytes) const {
  return std::equal(bytes.begin(), bytes.end(), bytes_.begin());
}

bool IpAddress::IsUnspecified() const {
  return bytes_ == std::array<uint8_t, 16>{};
}
bool IpAddress::IsLoopback() const {
  if (family() == 4) return bytes_[0] == 127;
  return StartsWith({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
}
bool IpAddress::IsMulticast() const {
  return family() == 4 ? (bytes_[0] & 0xf0) == 0xe0 : bytes_[0] == 0xff;
}
bool IpAddress::IsLinkLocalMulticast() const {
  if (family() == 4) return StartsWith({224, 0, 0});
  return bytes_[0] == 0xff && (bytes_[1] & 0x0f) == 0x02;
}
bool IpAddress::IsLinkLocalUnicast() const {
  if (family() == 4) return StartsWith({169, 254});
  return bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
}
bool IpAddress::IsGlobalUnicast() const {
  const bool broadcast = family() == 4 && StartsWith({255, 255, 255, 255});
  return !broadcast && !IsUnspecified() && !IsLoopback() && !IsMulticast() && !IsLinkLocalUnicast();
}
bool IpAddress::IsV4InV6() const {
  return family() == 6 && StartsWith({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff});
}

IpAddress IpAddress::Masked(int length) const {
  IpAddress masked = *this;
  for (int i = 0; i < bits_ / 8; ++i) {
    const int kept = std::clamp(length - 8 * i, 0, 8);
    masked.bytes_[static_cast<size_t>(i)] &= static_cast<uint8_t>(0xff00 >> kept);
  }
  return masked;
}

bool IpAddress::SharesPrefix(const IpAddress& other, int length) const {
  return bits_ == other.bits_ && Masked(length) == other.Masked(length);
}

std::string IpAddress::ToString() const {
  std::string text;
  if (family() == 4) {
    for (size_t i = 0; i < 4; ++i) text += (i == 0 ? "" : ".") + std::to_string(bytes_[i]);
    return text;
  }
  const auto group = [&](size_t i) { return bytes_[2 * i] << 8 | bytes_[2 * i + 1]; };
  // The first longest run of two or more zero groups becomes "::".
  size_t begin = 8;
  size_t length = 1;
  for (size_t i = 0; i < 8; ++i) {
    size_t end = i;
    while (end < 8 && group(end) == 0) ++end;
    if (end - i > length) {
      begin = i;
      length = end - i;
    }
  }
  for (size_t i = 0; i < 8; ++i) {
    if (i == begin) {
      text += "::";
      i += length - 1;
      continue;
    }
    if (i > 0 && text.back() != ':') text += ":";
    char digits[4];
    text.append(digits, std::to_chars(digits, digits + 4, group(i), 16).ptr);
  }
  return text;
}

StatusOr<Cidr> Cidr::Parse(std::string_view text) {
  const size_t slash = text.rfind('/');
  if (slash == text.npos) {
    return InvalidArgument("'" + std::string(text.substr(0, 64)) +
                           "' is no network; one looks like 10.0.0.0/8");
  }
  KR_ASSIGN_OR_RETURN(const IpAddress address, IpAddress::Parse(text.substr(0, slash)));
  const auto length = Number(text.substr(slash + 1), address.bits());
  if (!length.has_value()) {
    return InvalidArgument("'" + std::string(text) + "' has no prefix length of 0 to " +
                           std::to_string(address.bits()));
  }
  return Cidr(address, *length);
}

std::string Cidr::ToString() const {
  return address_.ToString() + "/" + std::to_string(length_);
}

}  // namespace kr::values
