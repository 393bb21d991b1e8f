#include <charconv>
#include <cmath>
#include <limits>
#include <string>

#include "controller/cel/evaluation.h"
#include "controller/cel/function.h"
#include "controller/cel/opaque.h"
#include "controller/cel/operations.h"
#include "controller/cel/text.h"
#include "controller/values/utf8.h"

namespace kr::cel {
namespace {

using Kind = Value::Kind;

Value NoConversion(const Value& value, std::string_view to) {
  std::string scratch;
  const auto text = value.Text(scratch);
  return Fail(text.has_value()
                  ? "'" + std::string(text->substr(0, 64)) + "' is no " + std::string(to)
                  : "a " + std::string(TypeNameOf(value)) + " cannot become a " + std::string(to));
}

// All of `text` as a decimal number with an optional sign.
template <typename T>
std::optional<T> ParseInteger(std::string_view text) {
  if (std::is_signed_v<T> && text.size() > 1 && text[0] == '+' && text[1] != '-') {
    text.remove_prefix(1);
  }
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Value ToInt(const Call& call) {
  const Value& v = call.args[0];
  switch (v.kind()) {
    case Kind::kInt:
      return v;
    case Kind::kUint:
      if (*v.AsUint() > INT64_MAX) return Fail("the uint is too large for an int");
      return Value::Int(static_cast<int64_t>(*v.AsUint()));
    case Kind::kDouble: {
      const double d = *v.AsDouble();
      if (!(d > -9223372036854775808.0 && d < 9223372036854775808.0)) {
        return Fail("the double is out of the range of int");
      }
      return Value::Int(static_cast<int64_t>(d));
    }
    case Kind::kTimestamp:
      return Value::Int(absl::ToUnixSeconds(v.AsInstant()->at));
    case Kind::kDuration:
      return Value::Int(absl::ToInt64Nanoseconds(v.AsSpan()->length));
    default: {
      std::string scratch;
      const auto i = ParseInteger<int64_t>(*v.Text(scratch));
      return i.has_value() ? Value::Int(*i) : NoConversion(v, "int");
    }
  }
}

Value ToUint(const Call& call) {
  const Value& v = call.args[0];
  switch (v.kind()) {
    case Kind::kUint:
      return v;
    case Kind::kInt:
      if (*v.AsInt() < 0) return Fail("a negative int cannot become a uint");
      return Value::Uint(static_cast<uint64_t>(*v.AsInt()));
    case Kind::kDouble: {
      const double d = *v.AsDouble();
      if (!(d >= 0 && d < 18446744073709551616.0)) {
        return Fail("the double is out of the range of uint");
      }
      return Value::Uint(static_cast<uint64_t>(d));
    }
    default: {
      std::string scratch;
      const auto u = ParseInteger<uint64_t>(*v.Text(scratch));
      return u.has_value() ? Value::Uint(*u) : NoConversion(v, "uint");
    }
  }
}

Value ToDouble(const Call& call) {
  const Value& v = call.args[0];
  if (v.AsDouble() != nullptr) return v;
  if (v.AsInt() != nullptr) return Value::Double(static_cast<double>(*v.AsInt()));
  if (v.AsUint() != nullptr) return Value::Double(static_cast<double>(*v.AsUint()));
  std::string scratch;
  const auto d = ParseDouble(*v.Text(scratch));
  return d.has_value() ? Value::Double(*d) : NoConversion(v, "double");
}

Value ToBool(const Call& call) {
  const Value& v = call.args[0];
  if (v.AsBool() != nullptr) return v;
  std::string scratch;
  const std::string_view text = *v.Text(scratch);
  for (const std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == yes) return Value::Bool(true);
  }
  for (const std::string_view no : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == no) return Value::Bool(false);
  }
  return NoConversion(v, "bool");
}

Value ToString(const Call& call) {
  const Value& v = call.args[0];
  if (v.kind() == Kind::kString) return v;
  if (const std::string* bytes = v.AsBytes()) {
    if (!values::IsUtf8(*bytes)) return Fail("the bytes are not UTF-8 and cannot become a string");
    return Value::String(*bytes);
  }
  if (const Opaque* opaque = v.AsOpaque()) return Value::String(opaque->ToString());
  return Value::String(PlainText(v));
}

Value ToBytes(const Call& call) {
  const Value& v = call.args[0];
  if (v.kind() == Kind::kBytes) return v;
  std::string scratch;
  return Value::Bytes(std::string(*v.Text(scratch)));
}

Value ToTimestamp(const Call& call) {
  const Value& v = call.args[0];
  if (v.kind() == Kind::kTimestamp) return v;
  if (const int64_t* seconds = v.AsInt()) {
    if (*seconds < absl::ToUnixSeconds(MinTimestamp()) ||
        *seconds > absl::ToUnixSeconds(MaxTimestamp())) {
      return Fail("the seconds are outside of the years 1 to 9999");
    }
    return Value::Timestamp(absl::FromUnixSeconds(*seconds));
  }
  std::string scratch;
  const auto t = ParseTimestamp(*v.Text(scratch));
  return t.has_value() ? Value::Timestamp(*t)
                       : NoConversion(v, "timestamp such as 2006-01-02T15:04:05Z");
}

Value ToDuration(const Call& call) {
  const Value& v = call.args[0];
  if (v.kind() == Kind::kDuration) return v;
  std::string scratch;
  const auto text = v.Text(scratch);
  // duration(int) exists for the type checker of cel-go, never for its evaluator.
  if (!text.has_value()) return NoConversion(v, "duration");
  const auto d = ParseDuration(*text);
  return d.has_value() ? Value::Duration(*d)
                       : NoConversion(v, "duration such as 1h30m (units: h, m, s, ms, us, ns)");
}

Value TypeOf(const Call& call) {
  return Value::TypeName(std::string(TypeNameOf(call.args[0])));
}

Value Same(const Call& call) {
  return call.args[0];
}

}  // namespace

std::vector<FunctionSpec> ConversionFunctions() {
  return {
      {.name = "type", .overloads = {"(A) type(A)"}, .run = TypeOf, .now = NowUse::kBound},
      {.name = "dyn",
       .overloads = {"(A) dyn"},
       .run = Same,
       .now = NowUse::kKeep,
       .read = ReadUse::kSame},
      {.name = "bool", .overloads = {"(bool) bool", "(string) bool"}, .run = ToBool},
      {.name = "bytes", .overloads = {"(bytes) bytes", "(string) bytes"}, .run = ToBytes},
      {.name = "double",
       .overloads = {"(double) double", "(int) double", "(string) double", "(uint) double"},
       .run = ToDouble},
      {.name = "duration",
       .overloads = {"(duration) duration", "(int) duration", "(string) duration"},
       .run = ToDuration,
       .now = NowUse::kKeep},
      {.name = "int",
       .overloads = {"(int) int", "(double) int", "(duration) int", "(string) int",
                     "(timestamp) int", "(uint) int"},
       .run = ToInt},
      {.name = "string",
       .overloads = {"(string) string", "(bool) string", "(bytes) string", "(double) string",
                     "(duration) string", "(int) string", "(timestamp) string", "(uint) string",
                     "(net.IP) string", "(net.CIDR) string"},
       .run = ToString},
      {.name = "timestamp",
       .overloads = {"(timestamp) timestamp", "(int) timestamp", "(string) timestamp"},
       .run = ToTimestamp,
       .now = NowUse::kKeep},
      {.name = "uint",
       .overloads = {"(uint) uint", "(double) uint", "(int) uint", "(string) uint"},
       .run = ToUint},
  };
}

}  // namespace kr::cel
