// IP addresses and networks.
#include <string>
#include <utility>

#include "controller/cel/evaluation.h"
#include "controller/cel/function.h"
#include "controller/cel/opaque.h"
#include "controller/values/ip_address.h"

namespace kr::cel {
namespace {

using values::Cidr;
using values::IpAddress;

template <typename T>
bool Equals(const T& a, const T& b) {
  return a == b;
}
using IpValue = OpaqueOf<IpAddress, kIpType, Equals<IpAddress>>;
using CidrValue = OpaqueOf<Cidr, kCidrType, Equals<Cidr>>;

template <typename T>
StatusOr<T> Parse(const Call& call, size_t argument) {
  std::string scratch;
  const std::string_view text = *call.args[argument].Text(scratch);
  if (!call.evaluation.ChargeText(text.size())) return Evaluation::Exhausted().error();
  return T::Parse(text);
}

// ip(text) and network.ip()
Value ToIp(const Call& call) {
  if (CidrValue::Is(call.args[0])) return IpValue::Make(CidrValue::Get(call.args[0]).address());
  auto ip = Parse<IpAddress>(call, 0);
  return ip.ok() ? IpValue::Make(*ip) : Value::Failure(std::move(ip).status());
}

Value ToCidr(const Call& call) {
  auto cidr = Parse<Cidr>(call, 0);
  return cidr.ok() ? CidrValue::Make(*cidr) : Value::Failure(std::move(cidr).status());
}

template <typename T>
Value Is(const Call& call) {
  return Value::Bool(Parse<T>(call, 0).ok());
}

Value IsCanonical(const Call& call) {
  auto ip = Parse<IpAddress>(call, 0);
  if (!ip.ok()) return Value::Failure(std::move(ip).status());
  std::string scratch;
  return Value::Bool(ip->ToString() == *call.args[0].Text(scratch));
}

Value Family(const Call& call) {
  return Value::Int(IpValue::Get(call.args[0]).family());
}

template <bool (IpAddress::*property)() const>
Value Property(const Call& call) {
  return Value::Bool((IpValue::Get(call.args[0]).*property)());
}

// Whether a network holds an address or another network, or the text of one.
template <typename T, typename TValue>
Value Contains(const Call& call) {
  const Cidr& network = CidrValue::Get(call.args[0]);
  if (TValue::Is(call.args[1])) return Value::Bool(network.Contains(TValue::Get(call.args[1])));
  auto other = Parse<T>(call, 1);
  return other.ok() ? Value::Bool(network.Contains(*other))
                    : Value::Failure(std::move(other).status());
}

Value PrefixLength(const Call& call) {
  return Value::Int(CidrValue::Get(call.args[0]).length());
}
Value Masked(const Call& call) {
  return CidrValue::Make(CidrValue::Get(call.args[0]).Masked());
}

}  // namespace

std::vector<FunctionSpec> NetFunctions() {
  const auto property = [](std::string_view name, Value (*run)(const Call&)) {
    return FunctionSpec{.name = name, .overloads = {".(net.IP) bool"}, .run = run};
  };
  return {
      {.name = "ip", .overloads = {"(string) net.IP", ".(net.CIDR) net.IP"}, .run = ToIp},
      {.name = "isIP", .overloads = {"(string) bool"}, .run = Is<IpAddress>},
      {.name = "ip.isCanonical", .overloads = {"(string) bool"}, .run = IsCanonical},
      {.name = "family", .overloads = {".(net.IP) int"}, .run = Family},
      property("isUnspecified", Property<&IpAddress::IsUnspecified>),
      property("isLoopback", Property<&IpAddress::IsLoopback>),
      property("isLinkLocalMulticast", Property<&IpAddress::IsLinkLocalMulticast>),
      property("isLinkLocalUnicast", Property<&IpAddress::IsLinkLocalUnicast>),
      property("isGlobalUnicast", Property<&IpAddress::IsGlobalUnicast>),
      {.name = "cidr", .overloads = {"(string) net.CIDR"}, .run = ToCidr},
      {.name = "isCIDR", .overloads = {"(string) bool"}, .run = Is<Cidr>},
      {.name = "containsIP",
       .overloads = {".(net.CIDR, string) bool", ".(net.CIDR, net.IP) bool"},
       .run = Contains<IpAddress, IpValue>},
      {.name = "containsCIDR",
       .overloads = {".(net.CIDR, string) bool", ".(net.CIDR, net.CIDR) bool"},
       .run = Contains<Cidr, CidrValue>},
      {.name = "prefixLength", .overloads = {".(net.CIDR) int"}, .run = PrefixLength},
      {.name = "masked", .overloads = {".(net.CIDR) net.CIDR"}, .run = Masked},
  };
}

}  // namespace kr::cel
