#include "crds/v1alpha1/placeholders.h"

namespace kr::crds {

std::vector<TextPiece> CutPlaceholders(std::string_view text) {
  std::vector<TextPiece> pieces;
  std::string plain;
  for (size_t at = 0; at < text.size();) {
    if (text.substr(at, 3) == "$$(") {
      plain += "$(";
      at += 3;
      continue;
    }
    const size_t end = text.substr(at, 2) == "$(" ? text.find(')', at) : std::string_view::npos;
    if (end == std::string_view::npos) {
      plain += text[at++];
      continue;
    }
    if (!plain.empty()) pieces.push_back({.text = std::move(plain)});
    plain.clear();
    pieces.push_back({.text = std::string(text.substr(at + 2, end - at - 2)), .is_name = true});
    at = end + 1;
  }
  if (!plain.empty()) pieces.push_back({.text = std::move(plain)});
  return pieces;
}

}  // namespace kr::crds
