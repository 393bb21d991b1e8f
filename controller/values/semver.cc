#include "controller/values/semver.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace kr::values {
namespace {

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsIdentifierChar(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}
bool AllDigits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), IsDigit);
}
bool IsIdentifier(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsIdentifierChar);
}

// A number without leading zeros.
std::optional<uint64_t> Number(std::string_view text) {
  if (text.empty() || !AllDigits(text) || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  uint64_t value = 0;
  const auto error = std::from_chars(text.data(), text.data() + text.size(), value).ec;
  return error == std::errc() ? std::optional(value) : std::nullopt;
}

std::vector<std::string_view> Split(std::string_view text, size_t most) {
  std::vector<std::string_view> parts;
  while (parts.size() + 1 < most) {
    const size_t dot = text.find('.');
    if (dot == text.npos) break;
    parts.push_back(text.substr(0, dot));
    text.remove_prefix(dot + 1);
  }
  parts.push_back(text);
  return parts;
}

// What stands behind `mark` is cut off and returned.
std::optional<std::string_view> CutAt(std::string_view& text, char mark) {
  const size_t at = text.find(mark);
  if (at == text.npos) return std::nullopt;
  const std::string_view behind = text.substr(at + 1);
  text = text.substr(0, at);
  return behind;
}

}  // namespace

StatusOr<Semver> Semver::Parse(std::string_view text) {
  const auto wrong = [&](std::string_view what) {
    return InvalidArgument("'" + std::string(text.substr(0, 64)) +
                           "' is no semantic version: " + std::string(what));
  };
  const auto parts = Split(text, 3);
  if (parts.size() != 3) return wrong("it is not major.minor.patch");
  std::string_view last = parts[2];
  const auto build = CutAt(last, '+');
  const auto prerelease = CutAt(last, '-');

  Semver version;
  const auto major = Number(parts[0]);
  const auto minor = Number(parts[1]);
  const auto patch = Number(last);
  if (!major.has_value()) return wrong("the major part is no number without leading zeros");
  if (!minor.has_value()) return wrong("the minor part is no number without leading zeros");
  if (!patch.has_value()) return wrong("the patch part is no number without leading zeros");
  version.major_ = *major;
  version.minor_ = *minor;
  version.patch_ = *patch;
  if (prerelease.has_value()) {
    for (const std::string_view part : Split(*prerelease, text.size())) {
      if (!IsIdentifier(part)) return wrong("a part of the pre-release is no identifier");
      if (!AllDigits(part)) {
        version.prerelease_.emplace_back(std::string(part));
      } else if (const auto number = Number(part); number.has_value()) {
        version.prerelease_.emplace_back(*number);
      } else {
        return wrong("a number in the pre-release has leading zeros or is too large");
      }
    }
  }
  if (build.has_value()) {
    for (const std::string_view part : Split(*build, text.size())) {
      if (!IsIdentifier(part)) return wrong("a part of the build metadata is no identifier");
      version.build_.emplace_back(part);
    }
  }
  return version;
}

StatusOr<Semver> Semver::ParseTolerant(std::string_view text) {
  if (!text.empty() && text[0] == 'v') text.remove_prefix(1);
  const auto parts = Split(text, 3);
  if (parts.size() < 3 && parts.back().find_first_of("+-") != std::string_view::npos) {
    return InvalidArgument("'" + std::string(text.substr(0, 64)) +
                           "' is no semantic version: a short one has no pre-release or build "
                           "metadata");
  }
  std::string full;
  for (size_t i = 0; i < 3; ++i) {
    std::string_view part = i < parts.size() ? parts[i] : "0";
    if (part.size() > 1) {
      part.remove_prefix(std::min(part.find_first_not_of('0'), part.size()));
      // Of zeros alone the last one stays.
      if (part.empty() || !IsDigit(part[0])) full.push_back('0');
    }
    full.append(part).append(i < 2 ? "." : "");
  }
  return Parse(full);
}

int Semver::Compare(const Semver& other) const {
  const auto three = [](const auto& a, const auto& b) { return a < b ? -1 : b < a ? 1 : 0; };
  if (major_ != other.major_) return three(major_, other.major_);
  if (minor_ != other.minor_) return three(minor_, other.minor_);
  if (patch_ != other.patch_) return three(patch_, other.patch_);
  // A pre-release comes before its release.
  if (prerelease_.empty() != other.prerelease_.empty()) return prerelease_.empty() ? 1 : -1;
  return three(prerelease_, other.prerelease_);
}

std::string Semver::ToString() const {
  std::string text =
      std::to_string(major_) + "." + std::to_string(minor_) + "." + std::to_string(patch_);
  char mark = '-';
  for (const Identifier& part : prerelease_) {
    text.push_back(mark);
    const auto* number = std::get_if<uint64_t>(&part);
    text += number != nullptr ? std::to_string(*number) : std::get<std::string>(part);
    mark = '.';
  }
  mark = '+';
  for (const std::string& part : build_) {
    text.push_back(mark);
    text += part;
    mark = '.';
  }
  return text;
}

}  // namespace kr::values
