// Forms and messages are those of apimachinery's validation and of kube-openapi's strfmt.
#include "controller/values/name_format.h"

#include <algorithm>
#include <utility>

#include <re2/re2.h>

#include "absl/strings/ascii.h"
#include "absl/time/civil_time.h"
#include "controller/values/url.h"

namespace kr::values {
namespace {

using Problems = std::vector<std::string>;

struct Form {
  LazyRE2 pattern;
  std::string_view says;
  std::string_view examples;
};
#define KR_LABEL "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
const Form kLabel = {
    {KR_LABEL},
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character",
    "'my-name',  or '123-abc', "};
const Form kSubdomain = {
    {KR_LABEL "(\\." KR_LABEL ")*"},
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character",
    "'example.com', "};
#undef KR_LABEL
const Form kLabel1035 = {
    {"[a-z]([-a-z0-9]*[a-z0-9])?"},
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
    "alphabetic character, and end with an alphanumeric character",
    "'my-name',  or 'abc-123', "};
const Form kQualified = {
    {"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"},
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character",
    "'MyName',  or 'my.name',  or '123-abc', "};
const Form kLabelValue = {
    {"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"},
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character",
    "'MyValue',  or 'my_value',  or '12345', "};

bool Matches(std::string_view text, const LazyRE2& pattern) {
  return RE2::FullMatch({text.data(), text.size()}, *pattern);
}

std::string Violates(const Form& form) {
  return std::string(form.says) + " (e.g. " + std::string(form.examples) +
         "regex used for validation is '" + form.pattern->pattern() + "')";
}

std::string TooLong(size_t most) {
  return "must be no more than " + std::to_string(most) + " characters";
}

Problems Check(std::string_view text, const Form& form, size_t most) {
  Problems problems;
  if (text.size() > most) problems.push_back(TooLong(most));
  if (!Matches(text, form.pattern)) problems.push_back(Violates(form));
  return problems;
}

Problems Label(std::string_view text) {
  Problems problems = Check(text, kLabel, 63);
  if (!Matches(text, kLabel.pattern) && Matches(text, kSubdomain.pattern)) {
    problems.back() = "must not contain dots";
  }
  return problems;
}
Problems Subdomain(std::string_view text) {
  return Check(text, kSubdomain, 253);
}
Problems Label1035(std::string_view text) {
  return Check(text, kLabel1035, 63);
}
Problems LabelValue(std::string_view text) {
  return Check(text, kLabelValue, 63);
}

// The same of a prefix: something follows that makes up for a dash at its end. (The character
// before the dash is not looked at, as in apimachinery.)
template <Problems (*check)(std::string_view)>
Problems Prefix(std::string_view text) {
  if (text.size() < 2 || text.back() != '-') return check(text);
  return check(std::string(text.substr(0, text.size() - 2)) + "a");
}

Problems QualifiedName(std::string_view text) {
  Problems problems;
  std::string_view name = text;
  if (const size_t slash = text.find('/'); slash != text.npos) {
    if (text.find('/', slash + 1) != text.npos) {
      return {"a qualified name " + Violates(kQualified) +
              " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"};
    }
    const std::string_view prefix = text.substr(0, slash);
    name = text.substr(slash + 1);
    if (prefix.empty()) {
      problems.emplace_back("prefix part must be non-empty");
    } else {
      for (const std::string& problem : Subdomain(prefix)) {
        problems.push_back("prefix part " + problem);
      }
    }
  }
  if (name.empty()) problems.emplace_back("name part must be non-empty");
  for (const std::string& problem : Check(name, kQualified, 63)) {
    problems.push_back("name part " + problem);
  }
  return problems;
}

Problems Uri(std::string_view text) {
  const Status status = Url::Check(text);
  if (status.ok()) return {};
  return {std::string(Message(status))};
}

const LazyRE2 kUuid = {"(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}"};
// Four characters for each three bytes, the last ones perhaps padded; not even "" is exempt.
const LazyRE2 kBase64 = {
    "(?:[A-Za-z0-9+/]{4})*"
    "(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})"};
const LazyRE2 kDate = {"[0-9]{4}-[0-9]{2}-[0-9]{2}"};
const LazyRE2 kTime = {
    "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](.[0-9]+)?"
    "(z|([+-][0-9]{2}:[0-9]{2}))"};

Problems Uuid(std::string_view text) {
  return Matches(text, kUuid) ? Problems{} : Problems{"does not match the UUID format"};
}

Problems Byte(std::string_view text) {
  return Matches(text, kBase64) ? Problems{} : Problems{"invalid base64"};
}

bool IsDate(std::string_view text) {
  if (!Matches(text, kDate)) return false;
  const auto number = [&](size_t at, size_t length) {
    int value = 0;
    for (const char c : text.substr(at, length)) value = value * 10 + (c - '0');
    return value;
  };
  // Days that do not exist become others.
  const absl::CivilDay day(number(0, 4), number(5, 2), number(8, 2));
  return day.month() == number(5, 2) && day.day() == number(8, 2);
}

Problems Date(std::string_view text) {
  return IsDate(text) ? Problems{} : Problems{"invalid date"};
}

Problems DateTime(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = absl::ascii_tolower(static_cast<unsigned char>(c));
  const std::string_view view = lower;
  const size_t t = view.find('t');
  if (t != view.npos && IsDate(view.substr(0, t))) {
    // What follows another 't' is not looked at.
    const std::string_view time = view.substr(t + 1, view.find('t', t + 1) - t - 1);
    if (Matches(time, kTime)) return {};
  }
  return {"invalid datetime"};
}

}  // namespace

const std::array<NameFormat, kNameFormats>& NameFormats() {
  static constexpr std::array<NameFormat, kNameFormats> kFormats = {{
      {"byte", "byte", Byte},
      {"date", "date", Date},
      {"datetime", "datetime", DateTime},
      {"dns1035Label", "DNS1035Label", Label1035},
      {"dns1035LabelPrefix", "DNS1035LabelPrefix", Prefix<Label1035>},
      {"dns1123Label", "DNS1123Label", Label},
      {"dns1123LabelPrefix", "DNS1123LabelPrefix", Prefix<Label>},
      {"dns1123Subdomain", "DNS1123Subdomain", Subdomain},
      {"dns1123SubdomainPrefix", "DNS1123SubdomainPrefix", Prefix<Subdomain>},
      {"labelValue", "LabelValue", LabelValue},
      {"qualifiedName", "QualifiedName", QualifiedName},
      {"uri", "URI", Uri},
      {"uuid", "uuid", Uuid},
  }};
  return kFormats;
}

const NameFormat* FindNameFormat(std::string_view key) {
  const auto& formats = NameFormats();
  const auto* it = std::find_if(formats.begin(), formats.end(),
                                [&](const NameFormat& format) { return format.key == key; });
  return it == formats.end() ? nullptr : it;
}

}  // namespace kr::values
