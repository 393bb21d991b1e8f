#include "controller/values/quantity.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include <boost/multiprecision/cpp_int.hpp>

namespace kr::values {

using boost::multiprecision::cpp_int;

// number * 10^scale
struct Quantity::Big {
  cpp_int number;
  int32_t scale = 0;
};

namespace {

constexpr size_t kMaxText = 1'024;
constexpr int32_t kMaxExponent = 10'000;
// apimachinery's: what an int64 is trusted to hold, and the finest scale that it keeps.
constexpr int kSmallDigits = 18;
constexpr int32_t kNano = -9;

struct Suffix {
  std::string_view text;
  int base;
  int32_t exponent;
};
constexpr std::array<Suffix, 16> kSuffixes = {{{"n", 10, -9},
                                               {"u", 10, -6},
                                               {"m", 10, -3},
                                               {"", 10, 0},
                                               {"k", 10, 3},
                                               {"M", 10, 6},
                                               {"G", 10, 9},
                                               {"T", 10, 12},
                                               {"P", 10, 15},
                                               {"E", 10, 18},
                                               {"Ki", 2, 10},
                                               {"Mi", 2, 20},
                                               {"Gi", 2, 30},
                                               {"Ti", 2, 40},
                                               {"Pi", 2, 50},
                                               {"Ei", 2, 60}}};

std::string_view SuffixOf(int base, int32_t exponent) {
  for (const Suffix& suffix : kSuffixes) {
    if (suffix.base == base && suffix.exponent == exponent) return suffix.text;
  }
  return "";
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view TakeDigits(std::string_view& rest) {
  size_t n = 0;
  while (n < rest.size() && IsDigit(rest[n])) ++n;
  const std::string_view digits = rest.substr(0, n);
  rest.remove_prefix(n);
  return digits;
}

cpp_int PowerOfTen(int32_t n) {
  return boost::multiprecision::pow(cpp_int(10), static_cast<unsigned>(n));
}

// value * 10^scale, nullopt when it is not an int64. The lowest number is never scaled, as in
// apimachinery.
std::optional<int64_t> Scaled(int64_t value, int32_t scale) {
  if (scale == 0 || value == 0) return value;
  if (value == std::numeric_limits<int64_t>::min()) return std::nullopt;
  for (; scale > 0; --scale) {
    if (__builtin_mul_overflow(value, 10, &value)) return std::nullopt;
  }
  return value;
}

// 10^n as Go's math.Pow10 computes it.
double GoPow10(int32_t n) {
  static constexpr double kUnits[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                      1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                      1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22, 1e23,
                                      1e24, 1e25, 1e26, 1e27, 1e28, 1e29, 1e30, 1e31};
  static constexpr double kUp[] = {1e0, 1e32, 1e64, 1e96, 1e128, 1e160, 1e192, 1e224, 1e256, 1e288};
  static constexpr double kDown[] = {1e0,    1e-32,  1e-64,  1e-96,  1e-128, 1e-160,
                                     1e-192, 1e-224, 1e-256, 1e-288, 1e-320};
  if (n > 308) return std::numeric_limits<double>::infinity();
  if (n < -323) return 0;
  return n >= 0 ? kUp[n / 32] * kUnits[n % 32] : kDown[-n / 32] / kUnits[-n % 32];
}

// Divides as long as there is no remainder, at most `most` times; says how often.
int32_t RemoveFactors(cpp_int& number, int factor, int32_t most) {
  int32_t times = 0;
  for (; times < most && number != 0 && number % factor == 0; ++times) number /= factor;
  return times;
}

}  // namespace

StatusOr<Quantity> Quantity::Parse(std::string_view text) {
  const std::string shown = "'" + std::string(text.substr(0, 64)) + "'";
  if (text.empty() || text.size() > kMaxText) {
    return InvalidArgument(shown + " is no quantity; one looks like 500m, 1.5Gi or 12e6");
  }
  std::string_view rest = text;
  const bool negative = rest[0] == '-';
  if (rest[0] == '-' || rest[0] == '+') rest.remove_prefix(1);
  while (!rest.empty() && rest[0] == '0') rest.remove_prefix(1);
  std::string digits(TakeDigits(rest));
  if (digits.empty()) digits = "0";
  size_t decimals = 0;
  if (!rest.empty() && rest[0] == '.') {
    rest.remove_prefix(1);
    const std::string_view fraction = TakeDigits(rest);
    decimals = fraction.size();
    digits += fraction;
  }

  Format format = Format::kDecimal;
  int32_t exponent = 0;
  const auto* known = std::find_if(kSuffixes.begin(), kSuffixes.end(),
                                   [&](const Suffix& suffix) { return suffix.text == rest; });
  if (known != kSuffixes.end()) {
    format = known->base == 2 ? Format::kBinary : Format::kDecimal;
    exponent = known->exponent;
  } else {
    const bool marked = rest[0] == 'e' || rest[0] == 'E';
    std::string_view number = rest.substr(1);
    if (number.size() > 1 && number[0] == '+' && IsDigit(number[1])) number.remove_prefix(1);
    const auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), exponent);
    if (!marked || number.empty() || end != number.data() + number.size() ||
        error == std::errc::invalid_argument) {
      return InvalidArgument(shown +
                             " is no quantity: it ends in none of n u m k M G T P E Ki Mi Gi Ti "
                             "Pi Ei and in no exponent such as e3");
    }
    if (error != std::errc() || std::abs(exponent) > kMaxExponent) {
      return InvalidArgument(shown + " has an exponent beyond 10,000");
    }
    format = Format::kExponent;
  }

  if (format != Format::kBinary) {
    const int32_t scale = exponent - static_cast<int32_t>(decimals);
    if (digits.size() > kSmallDigits || scale < kNano) {
      return FromDigits(digits, negative, scale, 0, format);
    }
    int64_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    Quantity small(negative ? -value : value, scale, format);
    const bool canonical = scale % 3 == 0 && digits[0] != '0' &&
                           (digits.size() < 3 || digits.substr(digits.size() - 3) != "000");
    if (canonical) small.text_ = text;
    return small;
  }

  const int precision = 15 - static_cast<int>(digits.size()) - exponent * 3 / 10 - 1;
  int64_t value = 0;
  if (decimals == 0 && precision >= 0) {
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    int64_t product = 0;
    if (!__builtin_mul_overflow(value, int64_t{1} << exponent, &product)) {
      Quantity small(negative ? -product : product, 0, format);
      if ((value & 7) != 0) small.text_ = text;
      return small;
    }
  }
  return FromDigits(digits, negative, -static_cast<int32_t>(decimals), exponent, format);
}

// An amount that needs the unbounded form; what is finer than nano is rounded away from zero.
StatusOr<Quantity> Quantity::FromDigits(std::string_view digits, bool negative, int32_t scale,
                                        int binary_shift, Format format) {
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size() - 1));
  auto big = std::make_shared<Big>(Big{cpp_int(std::string(digits)) << binary_shift, scale});
  cpp_int& number = big->number;
  if (number != 0) {
    if (scale >= kNano) {
      number *= PowerOfTen(scale - kNano);
    } else {
      const cpp_int divisor = PowerOfTen(kNano - scale);
      const bool rounded = number % divisor != 0;
      number /= divisor;
      if (rounded) ++number;
    }
    big->scale = kNano;
  }
  if (format == Format::kBinary) {
    const cpp_int most = cpp_int(std::numeric_limits<int64_t>::max()) * PowerOfTen(-kNano);
    if (big->scale == kNano && number > most) *big = {std::numeric_limits<int64_t>::max(), 0};
    if (number > 0 && big->scale == kNano && number < PowerOfTen(-kNano)) {
      format = Format::kDecimal;
    }
  }
  if (negative) number = -number;
  Quantity quantity(0, 0, format);
  quantity.big_ = std::move(big);
  return quantity;
}

Quantity::Big Quantity::ToBig() const {
  return big_ != nullptr ? *big_ : Big{value_, scale_};
}

int Quantity::Sign() const {
  if (big_ != nullptr) return big_->number.sign();
  return value_ < 0 ? -1 : value_ > 0 ? 1 : 0;
}

int Quantity::Compare(const Quantity& other) const {
  const int sign = Sign();
  if (sign != other.Sign()) return sign < other.Sign() ? -1 : 1;
  if (sign == 0) return 0;
  Big a = ToBig();
  Big b = other.ToBig();
  if (a.scale > b.scale) {
    a.number *= PowerOfTen(a.scale - b.scale);
  } else {
    b.number *= PowerOfTen(b.scale - a.scale);
  }
  return a.number.compare(b.number) < 0 ? -1 : a.number == b.number ? 0 : 1;
}

// False, and nothing is changed, when the sum is not small.
bool Quantity::AddSmall(int64_t value, int32_t scale) {
  if (value == 0) return true;
  if (value_ == 0) {
    value_ = value;
    scale_ = scale;
    return true;
  }
  const int32_t common = std::min(scale_, scale);
  const auto a = Scaled(value_, scale_ - common);
  const auto b = Scaled(value, scale - common);
  int64_t sum = 0;
  if (!a.has_value() || !b.has_value() || __builtin_add_overflow(*a, *b, &sum)) return false;
  value_ = sum;
  scale_ = common;
  return true;
}

StatusOr<Quantity> Quantity::Sum(const Quantity& other, bool subtract) const {
  Quantity sum = *this;
  sum.text_.clear();
  if (Sign() == 0) sum.format_ = other.format_;
  const bool small = big_ == nullptr && other.big_ == nullptr &&
                     other.value_ != std::numeric_limits<int64_t>::min();
  if (small && sum.AddSmall(subtract ? -other.value_ : other.value_, other.scale_)) return sum;
  Big a = ToBig();
  Big b = other.ToBig();
  if (std::abs(a.scale - b.scale) > kMaxExponent) {
    return InvalidArgument("the two quantities lie too far apart for exact arithmetic");
  }
  const int32_t common = std::min(a.scale, b.scale);
  a.number *= PowerOfTen(a.scale - common);
  b.number *= PowerOfTen(b.scale - common);
  if (subtract) b.number = -b.number;
  sum.value_ = 0;
  sum.scale_ = 0;
  sum.big_ = std::make_shared<Big>(Big{a.number + b.number, common});
  return sum;
}

StatusOr<Quantity> Quantity::Plus(const Quantity& other) const {
  return Sum(other, /*subtract=*/false);
}
StatusOr<Quantity> Quantity::Minus(const Quantity& other) const {
  return Sum(other, /*subtract=*/true);
}

std::optional<int64_t> Quantity::AsInt64() const {
  if (big_ != nullptr || scale_ < 0) return std::nullopt;
  return Scaled(value_, scale_);
}

double Quantity::AsApproximateDouble() const {
  if (big_ == nullptr) {
    const auto base = static_cast<double>(value_);
    return scale_ == 0 ? base : base * GoPow10(scale_);
  }
  // By way of text, because only that rounds right.
  const std::string digits = big_->number.str();
  double base = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), base);
  if (error == std::errc::result_out_of_range) {
    base = std::numeric_limits<double>::infinity() * big_->number.sign();
  }
  return big_->scale == 0 ? base : base * GoPow10(big_->scale);
}

std::string Quantity::ToString() const {
  if (!text_.empty()) return text_;
  if (Sign() == 0) return "0";
  if (format_ != Format::kBinary) return DecimalText(format_);
  return BinaryText();
}

// Amounts that are not whole, and below 1024, read better in decimal.
std::string Quantity::BinaryText() const {
  Big big = ToBig();
  if (big.scale >= 0) {
    big.number *= PowerOfTen(big.scale);
  } else {
    const cpp_int divisor = PowerOfTen(-big.scale);
    if (big.number % divisor != 0) return DecimalText(Format::kDecimal);
    big.number /= divisor;
  }
  if (abs(big.number) < 1024) return DecimalText(Format::kDecimal);
  const int32_t times = RemoveFactors(big.number, 1024, 6);
  return big.number.str() + std::string(SuffixOf(2, times * 10));
}

std::string Quantity::DecimalText(Format format) const {
  Big big = ToBig();
  big.scale += RemoveFactors(big.number, 10, std::numeric_limits<int32_t>::max());
  while (big.scale % 3 != 0) {
    big.number *= 10;
    --big.scale;
  }
  const std::string number = big.number.str();
  if (big.scale == 0) return number;
  const std::string_view suffix = SuffixOf(10, big.scale);
  if (format == Format::kDecimal && !suffix.empty()) return number + std::string(suffix);
  return number + "e" + std::to_string(big.scale);
}

}  // namespace kr::values
