#include "controller/values/url.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"
#include "controller/values/ip_address.h"
#include "controller/values/url_escape.h"
#include "controller/values/utf8.h"

namespace kr::values {
namespace {

// More parameters than this are none at all, as in net/url.
constexpr ptrdiff_t kMaxParameters = 10'000;

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + "\"";
}

bool StartsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

// Splits at the first `mark`; without one all is `head`.
struct Cut {
  Cut(std::string_view text, char mark) {
    const size_t at = std::min(text.find(mark), text.size());
    head = text.substr(0, at);
    tail = text.substr(std::min(at + 1, text.size()));
  }
  std::string_view head;
  std::string_view tail;
};

bool IsOptionalPort(std::string_view text) {
  return text.empty() || (text[0] == ':' && std::all_of(text.begin() + 1, text.end(), [](char c) {
                            return c >= '0' && c <= '9';
                          }));
}

// The scheme is cut off; "" when there is none.
StatusOr<std::string> TakeScheme(std::string_view& text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == ':') {
      if (i == 0) return InvalidArgument("missing protocol scheme");
      std::string scheme(text.substr(0, i));
      text.remove_prefix(i + 1);
      std::transform(scheme.begin(), scheme.end(), scheme.begin(),
                     [](unsigned char letter) { return absl::ascii_tolower(letter); });
      return scheme;
    }
    const bool later = absl::ascii_isdigit(c) || c == '+' || c == '-' || c == '.';
    if (!absl::ascii_isalpha(c) && !(later && i > 0)) break;
  }
  return std::string();
}

bool IsUserInfo(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           std::string_view("-._:~!$&'()*+,;=%@").find(c) != std::string_view::npos;
  });
}

// The host and the port of "host:port", the brackets of an address taken off.
std::pair<std::string_view, std::string_view> SplitPort(std::string_view text) {
  std::string_view port;
  const size_t colon = text.rfind(':');
  if (colon != text.npos && IsOptionalPort(text.substr(colon))) {
    port = text.substr(colon + 1);
    text = text.substr(0, colon);
  }
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']') {
    text = text.substr(1, text.size() - 2);
  }
  return {text, port};
}

}  // namespace

StatusOr<Url> Url::Split(std::string_view text, Use use) {
  for (const char c : text) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) {
      return InvalidArgument("net/url: invalid control character in URL");
    }
  }
  if (text.empty() && use == Use::kRequest) return InvalidArgument("empty url");
  Url url;
  if (text == "*") {
    url.path_ = "*";
    return url;
  }
  KR_ASSIGN_OR_RETURN(url.scheme_, TakeScheme(text));
  if (!text.empty() && text.find('?') == text.size() - 1) {
    url.force_query_ = true;
    text.remove_suffix(1);
  } else {
    const Cut query(text, '?');
    text = query.head;
    url.query_ = query.tail;
  }
  const bool has_scheme = !url.scheme_.empty();
  if (!StartsWith(text, "/")) {
    if (has_scheme) {
      url.opaque_ = text;
      return url;
    }
    if (use == Use::kRequest) return InvalidArgument("invalid URI for request");
    if (Cut(text, '/').head.find(':') != text.npos) {
      return InvalidArgument("first path segment in URL cannot contain colon");
    }
  }
  const bool authority_allowed = has_scheme || (use == Use::kReference && !StartsWith(text, "///"));
  if (authority_allowed && StartsWith(text, "//")) {
    text.remove_prefix(2);
    const size_t path = std::min(text.find('/'), text.size());
    KR_RETURN_IF_ERROR(url.SetAuthority(text.substr(0, path)));
    text.remove_prefix(path);
  } else {
    url.omit_host_ = has_scheme && StartsWith(text, "/");
  }
  KR_RETURN_IF_ERROR(url.SetPath(text));
  return url;
}

Status Url::Check(std::string_view text) {
  return Annotate(Split(text, Use::kRequest).status(), "parse " + Quoted(text));
}

StatusOr<Url> Url::Parse(std::string_view text) {
  KR_RETURN_IF_ERROR(Check(text));
  const Cut fragment(text, '#');
  auto url = Split(fragment.head, Use::kReference);
  if (!url.ok()) return Annotate(url.status(), "parse " + Quoted(fragment.head));
  KR_RETURN_IF_ERROR(Annotate(url->SetFragment(fragment.tail), "parse " + Quoted(text)));
  return url;
}

Status Url::SetAuthority(std::string_view authority) {
  const size_t at = authority.rfind('@');
  if (at == authority.npos) return SetHost(authority);
  KR_RETURN_IF_ERROR(SetHost(authority.substr(at + 1)));
  const std::string_view user = authority.substr(0, at);
  if (!IsUserInfo(user)) return InvalidArgument("net/url: invalid userinfo");
  const Cut parts(user, ':');
  KR_ASSIGN_OR_RETURN(const std::string name, Unescape(parts.head, UrlPart::kUser));
  KR_ASSIGN_OR_RETURN(const std::string password, Unescape(parts.tail, UrlPart::kUser));
  has_user_ = true;
  user_ = Escape(name, UrlPart::kUser);
  if (user.find(':') != user.npos) user_ += ":" + Escape(password, UrlPart::kUser);
  return OkStatus();
}

Status Url::SetHost(std::string_view host) {
  const size_t open = host.rfind('[');
  if (open == host.npos) {
    const size_t colon = host.rfind(':');
    if (colon != host.npos && !IsOptionalPort(host.substr(colon))) {
      return InvalidArgument("invalid port " + Quoted(host.substr(colon)) + " after host");
    }
    KR_ASSIGN_OR_RETURN(const std::string unescaped, Unescape(host, UrlPart::kHost));
    host_ = ValidUtf8(unescaped);
    return OkStatus();
  }
  if (open > 0) return InvalidArgument("invalid IP-literal");
  const size_t close = host.rfind(']');
  if (close == host.npos) return InvalidArgument("missing ']' in host");
  const std::string_view port = host.substr(close + 1);
  if (!IsOptionalPort(port)) return InvalidArgument("invalid port " + Quoted(port) + " after host");
  const std::string_view literal = host.substr(1, close - 1);
  const size_t zone_at = std::min(literal.find("%25"), literal.size());
  KR_ASSIGN_OR_RETURN(std::string address, Unescape(literal.substr(0, zone_at), UrlPart::kHost));
  KR_ASSIGN_OR_RETURN(const std::string zone, Unescape(literal.substr(zone_at), UrlPart::kZone));
  const auto parsed = IpAddress::ParseAny(address);
  // zone is "" or "%name"
  if (!parsed.ok() || zone == "%") {
    return InvalidArgument("invalid host: " + Quoted(address + zone) + " is no IP address");
  }
  if (parsed->family() == 4) return InvalidArgument("invalid IP-literal");
  host_ = ValidUtf8("[" + address + zone + "]" + std::string(port));
  return OkStatus();
}

Status Url::SetPath(std::string_view path) {
  KR_ASSIGN_OR_RETURN(path_, Unescape(path, UrlPart::kPath));
  if (path != Escape(path_, UrlPart::kPath)) raw_path_ = path;
  return OkStatus();
}

Status Url::SetFragment(std::string_view fragment) {
  KR_ASSIGN_OR_RETURN(fragment_, Unescape(fragment, UrlPart::kFragment));
  if (fragment != Escape(fragment_, UrlPart::kFragment)) raw_fragment_ = fragment;
  return OkStatus();
}

std::string Url::Hostname() const {
  return std::string(SplitPort(host_).first);
}
std::string Url::Port() const {
  return std::string(SplitPort(host_).second);
}

std::string Url::EscapedPath() const {
  if (!raw_path_.empty() && IsEscaped(raw_path_, UrlPart::kPath)) return raw_path_;
  return path_ == "*" ? path_ : Escape(path_, UrlPart::kPath);
}

std::string Url::EscapedFragment() const {
  if (!raw_fragment_.empty() && IsEscaped(raw_fragment_, UrlPart::kFragment)) return raw_fragment_;
  return Escape(fragment_, UrlPart::kFragment);
}

std::vector<std::pair<std::string, std::vector<std::string>>> Url::Query() const {
  std::vector<std::pair<std::string, std::vector<std::string>>> query;
  if (std::count(query_.begin(), query_.end(), '&') >= kMaxParameters) return query;
  std::string_view rest = query_;
  while (!rest.empty()) {
    const Cut parameter(rest, '&');
    rest = parameter.tail;
    if (parameter.head.empty() || parameter.head.find(';') != rest.npos) continue;
    const Cut pair(parameter.head, '=');
    auto key = Unescape(pair.head, UrlPart::kQuery);
    auto value = Unescape(pair.tail, UrlPart::kQuery);
    if (!key.ok() || !value.ok()) continue;
    const std::string name = ValidUtf8(*key);
    auto entry = std::find_if(query.begin(), query.end(),
                              [&](const auto& known) { return known.first == name; });
    if (entry == query.end()) entry = query.insert(entry, {name, {}});
    entry->second.push_back(ValidUtf8(*value));
  }
  return query;
}

std::string Url::ToString() const {
  std::string text = scheme_.empty() ? "" : scheme_ + ":";
  if (!opaque_.empty()) {
    text += opaque_;
  } else {
    const bool authority = !host_.empty() || has_user_;
    if (authority || (!scheme_.empty() && !omit_host_ && !path_.empty())) text += "//";
    if (has_user_) text += user_ + "@";
    text += Escape(host_, UrlPart::kHost);
    const std::string path = EscapedPath();
    if (!path.empty() && path[0] != '/' && !host_.empty()) text += "/";
    text += path;
  }
  if (force_query_ || !query_.empty()) text += "?" + query_;
  if (!fragment_.empty()) text += "#" + EscapedFragment();
  return text;
}

}  // namespace kr::values
