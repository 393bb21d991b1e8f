#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kr::bench {

// The alphabet of generated names.
inline constexpr std::string_view kNameAlphabet = "bcdfghjklmnpqrstvwxz2456789";

// Random choices that depend on nothing but the seeds (splitmix64), on any machine.
class Dice {
 public:
  explicit Dice(uint64_t seed, uint64_t kind = 0, uint64_t index = 0)
      : state_(seed * 0x9E3779B97F4A7C15 + kind * 0xBF58476D1CE4E5B9 + index) {
    Next();
    Next();
  }

  uint64_t Next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }
  int Below(int limit) { return static_cast<int>(Next() % static_cast<uint64_t>(limit)); }
  bool Percent(int chance) { return Below(100) < chance; }

  template <size_t N>
  std::string Pick(const std::string_view (&choices)[N]) {
    return std::string(choices[Below(static_cast<int>(N))]);
  }

  std::string Characters(int count, std::string_view alphabet) {
    std::string text;
    for (int i = 0; i < count; ++i) text += alphabet[Below(static_cast<int>(alphabet.size()))];
    return text;
  }
  std::string Hex(int digits) { return Characters(digits, "0123456789abcdef"); }
  std::string Suffix(int length) { return Characters(length, kNameAlphabet); }
  std::string Uid() {
    return Hex(8) + "-" + Hex(4) + "-4" + Hex(3) + "-a" + Hex(3) + "-" + Hex(12);
  }

 private:
  uint64_t state_;
};

// Five characters that look random, of another index always others.
inline std::string UniqueSuffix(int index) {
  constexpr uint64_t kBase = kNameAlphabet.size();
  constexpr uint64_t kAll = kBase * kBase * kBase * kBase * kBase;
  // One to one, because the factor has no divisor in common with the 27^5 there are.
  uint64_t number = static_cast<uint64_t>(index) * 9'760'391 % kAll;
  std::string text;
  for (int i = 0; i < 5; ++i, number /= kBase) text += kNameAlphabet[number % kBase];
  return text;
}

// "2026-03-04T05:06:07Z", so many seconds after the cluster began.
std::string TimeAt(int64_t seconds);

}  // namespace kr::bench
