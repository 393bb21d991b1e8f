#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/base/status.h"

namespace kr::values {

// An absolute URL or an absolute path, after the rules of Go's net/url. Text that was escaped in
// the URL may come out with other bytes than UTF-8; those are replaced.
class Url {
 public:
  // InvalidArgument with the words that net/url has for it.
  static StatusOr<Url> Parse(std::string_view text);
  // What net/url's ParseRequestURI accepts: nothing is said about the part behind '#'.
  static Status Check(std::string_view text);

  const std::string& scheme() const { return scheme_; }
  const std::string& host() const { return host_; }  // with the port
  std::string Hostname() const;                      // without brackets
  std::string Port() const;
  std::string EscapedPath() const;
  // In the order of their first appearance; parameters that are not well-formed are left out.
  std::vector<std::pair<std::string, std::vector<std::string>>> Query() const;
  std::string ToString() const;

 private:
  enum class Use { kRequest, kReference };
  static StatusOr<Url> Split(std::string_view text, Use use);
  Status SetAuthority(std::string_view authority);
  Status SetHost(std::string_view host);
  Status SetPath(std::string_view path);
  Status SetFragment(std::string_view fragment);
  std::string EscapedFragment() const;

  std::string scheme_;
  std::string opaque_;  // of "mailto:a@b" what follows the scheme
  bool has_user_ = false;
  std::string user_;  // escaped, with the password
  std::string host_;
  bool omit_host_ = false;
  std::string path_;          // unescaped
  std::string raw_path_;      // as written, when that is not what escaping path_ gives
  bool force_query_ = false;  // a lone '?' at the end
  std::string query_;
  std::string fragment_;
  std::string raw_fragment_;
};

}  // namespace kr::values
