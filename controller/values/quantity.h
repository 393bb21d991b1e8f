#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "controller/base/status.h"

namespace kr::values {

// An amount as Kubernetes writes it: "500m", "1.5Gi", "12e6". Exact: no binary fractions anywhere.
// Follows apimachinery's resource.Quantity, its two representations included: small amounts are a
// 64-bit number with a decimal scale, all others an unbounded decimal, and some answers (AsInt64)
// depend on which one an amount happens to have. Immutable; copies are cheap.
class Quantity {
 public:
  // InvalidArgument says what is wrong. Beyond what apimachinery refuses, texts over 1,024 bytes
  // and exponents beyond ±10,000 are: their arithmetic has no bound.
  static StatusOr<Quantity> Parse(std::string_view text);
  explicit Quantity(int64_t value) : value_(value), format_(Format::kExponent) {}

  int Sign() const;
  // Negative, zero or positive.
  int Compare(const Quantity& other) const;
  // The format is that of `this` unless it is zero. OutOfRange-like InvalidArgument when the two
  // lie so far apart that the exact result would be absurdly long.
  StatusOr<Quantity> Plus(const Quantity& other) const;
  StatusOr<Quantity> Minus(const Quantity& other) const;
  // As apimachinery's AsInt64: nullopt also for whole numbers that were written with a fraction
  // ("1.0", "1000m") or with more than 18 digits.
  std::optional<int64_t> AsInt64() const;
  // The nearest double, or one next to it.
  double AsApproximateDouble() const;
  // The canonical form, such as "1536Mi" for 1.5Gi; text that is canonical already is kept.
  std::string ToString() const;

 private:
  enum class Format : uint8_t { kDecimal, kBinary, kExponent };
  struct Big;
  Quantity(int64_t value, int32_t scale, Format format)
      : value_(value), scale_(scale), format_(format) {}

  static StatusOr<Quantity> FromDigits(std::string_view digits, bool negative, int32_t scale,
                                       int binary_shift, Format format);
  Big ToBig() const;
  StatusOr<Quantity> Sum(const Quantity& other, bool subtract) const;
  bool AddSmall(int64_t value, int32_t scale);
  std::string BinaryText() const;
  std::string DecimalText(Format format) const;

  // value_ * 10^scale_ without big_; otherwise big_ alone counts.
  int64_t value_ = 0;
  int32_t scale_ = 0;
  Format format_ = Format::kDecimal;
  std::shared_ptr<const Big> big_;
  std::string text_;  // as parsed, when that is canonical
};

}  // namespace kr::values
