#pragma once

#include <string>
#include <string_view>
#include <vector>

// $(name) in the texts of a NodeCommand, as in the args of a container; $$(name) is that text.
namespace kr::crds {

// In `validate` of a file: the candidate that is to be checked.
inline constexpr std::string_view kFilePlaceholder = "file";

// A piece of a text: `text` itself, or with `is_name` what $(text) stands for.
struct TextPiece {
  std::string text;
  bool is_name = false;
  friend bool operator==(const TextPiece&, const TextPiece&) = default;
};

// Cuts once from left to right, so that what a value contains is never looked into. "$(" without a
// ")" is text.
std::vector<TextPiece> CutPlaceholders(std::string_view text);

}  // namespace kr::crds
