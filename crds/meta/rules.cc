#include "crds/meta/rules.h"

#include <algorithm>

namespace kr::crds {
namespace {

bool Lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool Upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool Digit(char c) {
  return c >= '0' && c <= '9';
}
bool Alnum(char c) {
  return Lower(c) || Upper(c) || Digit(c);
}

template <typename Predicate>
bool All(std::string_view text, Predicate predicate) {
  return std::all_of(text.begin(), text.end(), predicate);
}

bool IsIdentifier(std::string_view s) {
  return !s.empty() && !Digit(s[0]) && All(s, [](char c) { return Alnum(c) || c == '_'; });
}

bool IsDnsLabel(std::string_view s) {
  return !s.empty() && s.front() != '-' && s.back() != '-' &&
         All(s, [](char c) { return Lower(c) || Digit(c) || c == '-'; });
}

bool IsDnsSubdomain(std::string_view s) {
  const auto edge = [](char c) { return Lower(c) || Digit(c); };
  return !s.empty() && edge(s.front()) && edge(s.back()) &&
         All(s, [&](char c) { return edge(c) || c == '-' || c == '.'; });
}

bool IsVersion(std::string_view s) {
  return s.size() > 1 && s[0] == 'v' && Digit(s[1]) &&
         All(s, [](char c) { return Lower(c) || Digit(c); });
}

bool IsApiVersion(std::string_view s) {
  const size_t slash = s.find('/');
  if (slash == std::string_view::npos) return IsVersion(s);
  return IsDnsSubdomain(s.substr(0, slash)) && IsVersion(s.substr(slash + 1));
}

bool IsQualifiedName(std::string_view s) {
  const size_t slash = s.find('/');
  const std::string_view name = slash == std::string_view::npos ? s : s.substr(slash + 1);
  if (slash != std::string_view::npos && !IsDnsSubdomain(s.substr(0, slash))) return false;
  return !name.empty() && Alnum(name.front()) && Alnum(name.back()) &&
         All(name, [](char c) { return Alnum(c) || c == '-' || c == '_' || c == '.'; });
}

bool IsKindName(std::string_view s) {
  return !s.empty() && (Upper(s[0]) || Lower(s[0])) && All(s, Alnum);
}

bool IsCamelCase(std::string_view s) {
  // As metav1.Condition's types: dots, slashes and dashes occur in other people's.
  return !s.empty() && Alnum(s.front()) && Alnum(s.back()) &&
         All(s, [](char c) { return Alnum(c) || c == '-' || c == '_' || c == '.' || c == '/'; });
}

bool IsJsonPointer(std::string_view s) {
  if (s.size() < 2 || s[0] != '/') return false;
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '~' && (i + 1 == s.size() || (s[i + 1] != '0' && s[i + 1] != '1'))) return false;
  }
  return true;
}

bool IsEnvName(std::string_view s) {
  return !s.empty() && !Digit(s[0]) &&
         All(s, [](char c) { return Alnum(c) || c == '_' || c == '-' || c == '.'; });
}

bool IsHexDigest(std::string_view s) {
  return !s.empty() && All(s, [](char c) { return Digit(c) || (c >= 'a' && c <= 'f'); });
}

bool IsEventType(std::string_view s) {
  return s == "Normal" || s == "Warning";
}

}  // namespace

const TextKind kIdentifier{"^[A-Za-z_][A-Za-z0-9_]*$",
                           "a name of letters, digits and '_' that does not start with a digit",
                           IsIdentifier};
const TextKind kDnsLabel{"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
                         "a name of a-z, 0-9 and '-' that starts and ends with a letter or digit",
                         IsDnsLabel};
const TextKind kDnsSubdomain{"^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$",
                             "an object name of a-z, 0-9, '-' and '.'", IsDnsSubdomain};
const TextKind kQualifiedName{
    "^([a-z0-9]([-.a-z0-9]*[a-z0-9])?/)?[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?$",
    R"(a key such as "example.com/maintenance")", IsQualifiedName};
const TextKind kGroupVersion{"^([a-z0-9]([-.a-z0-9]*[a-z0-9])?/)?v[0-9][a-z0-9]*$",
                             R"(an API version such as "v1" or "apps/v1")", IsApiVersion};
const TextKind kKindName{"^[A-Za-z][A-Za-z0-9]*$", R"(a kind such as "DaemonSet")", IsKindName};
const TextKind kCamelCase{"^[A-Za-z0-9]([-_./A-Za-z0-9]*[A-Za-z0-9])?$",
                          R"(a CamelCase word such as "Ready")", IsCamelCase};
const TextKind kJsonPointer{"^/([^~]|~[01])+$",
                            R"(a JSON pointer such as "/spec/replicas" ('/' is "~1", '~' is "~0"))",
                            IsJsonPointer};
const TextKind kEnvName{"^[-._A-Za-z][-._A-Za-z0-9]*$", "the name of an environment variable",
                        IsEnvName};
const TextKind kHexDigest{"^[0-9a-f]+$", "lower-case hexadecimal digits", IsHexDigest};
const TextKind kEventType{"^(Normal|Warning)$", "Normal or Warning", IsEventType};

}  // namespace kr::crds
