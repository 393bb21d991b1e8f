#include "controller/kube/warnings.h"

#include "controller/base/log.h"

namespace kr::kube {
namespace {

constexpr std::size_t kMaxRemembered = 1000;

}  // namespace

std::vector<std::string> ParseWarnings(std::string_view header) {
  std::vector<std::string> texts;
  std::size_t at = 0;
  while ((at = header.find("299 ", at)) != std::string_view::npos) {
    std::size_t quote = header.find('"', at);
    if (quote == std::string_view::npos) break;
    std::string text;
    bool closed = false;
    while (++quote < header.size() && !closed) {
      closed = header[quote] == '"';
      if (header[quote] == '\\' && quote + 1 < header.size()) ++quote;
      if (!closed) text.push_back(header[quote]);
    }
    if (closed) texts.push_back(std::move(text));
    at = quote;
  }
  return texts;
}

std::vector<std::string> WarningLog::Take(std::string_view header) {
  std::vector<std::string> fresh;
  for (std::string& text : ParseWarnings(header)) {
    {
      MutexLock lock(mu_);
      if (seen_.size() >= kMaxRemembered || !seen_.insert(text).second) continue;
    }
    log::Warning("API server warned", {{"warning", text}});
    fresh.push_back(std::move(text));
  }
  return fresh;
}

}  // namespace kr::kube
