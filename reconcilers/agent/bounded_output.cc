#include "reconcilers/agent/bounded_output.h"

#include <algorithm>

namespace kr::agent {
namespace {

// How long the UTF-8 sequence at the beginning is; 0: it is none. Control characters other than
// tabs and line ends are none either: they would reach people's terminals.
size_t SequenceLength(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return byte(0) >= 0x20 ? byte(0) != 0x7f : text[0] == '\n' || text[0] == '\t';
  const size_t length = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : byte(0) >= 0xc2 ? 2 : 0;
  if (length == 0 || length > text.size() || byte(0) > 0xf4) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates and what lies beyond Unicode.
  if (byte(0) == 0xe0 && byte(1) < 0xa0) return 0;
  if (byte(0) == 0xed && byte(1) > 0x9f) return 0;
  if (byte(0) == 0xf0 && byte(1) < 0x90) return 0;
  if (byte(0) == 0xf4 && byte(1) > 0x8f) return 0;
  return length;
}

std::string Cleaned(std::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    const size_t length = SequenceLength(bytes);
    if (length == 0) {
      text += '?';
    } else {
      text += bytes.substr(0, length);
    }
    bytes.remove_prefix(std::max<size_t>(length, 1));
  }
  return text;
}

}  // namespace

void BoundedOutput::Add(std::string_view bytes) {
  const size_t head = std::min(bytes.size(), head_limit_ - head_.size());
  head_ += bytes.substr(0, head);
  bytes.remove_prefix(head);
  if (bytes.size() > tail_limit_) {
    dropped_ += bytes.size() - tail_limit_;
    bytes.remove_prefix(bytes.size() - tail_limit_);
  }
  tail_ += bytes;
  if (tail_.size() > tail_limit_) {
    dropped_ += tail_.size() - tail_limit_;
    tail_.erase(0, tail_.size() - tail_limit_);
  }
}

std::string BoundedOutput::Text() const {
  if (dropped_ == 0) return Cleaned(head_ + tail_);
  return Cleaned(head_) + "\n[... " + std::to_string(dropped_) + " bytes left out ...]\n" +
         Cleaned(tail_);
}

}  // namespace kr::agent
