#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace kr::agent {

// Keeps the beginning and the end of a text of any length in `limit` bytes, however long the text
// is. What it gives is UTF-8: bytes that are not are shown as "?".
class BoundedOutput {
 public:
  explicit BoundedOutput(size_t limit) : head_limit_(limit / 2), tail_limit_(limit - limit / 2) {}

  void Add(std::string_view bytes);

  bool truncated() const { return dropped_ > 0; }
  size_t size() const { return head_.size() + tail_.size(); }
  // With a line that says how much is missing where something is.
  std::string Text() const;

 private:
  const size_t head_limit_;
  const size_t tail_limit_;
  std::string head_;
  std::string tail_;
  size_t dropped_ = 0;
};

}  // namespace kr::agent
