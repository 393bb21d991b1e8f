#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "controller/base/status.h"

namespace kr::cache {

// Complete lines of a watch, in one buffer that has document::Decoder::kPadding readable bytes
// behind it, so that each line can be parsed where it is. Movable between threads.
class LineBatch {
 public:
  LineBatch() = default;
  // The concatenation of both, which ends in a newline.
  LineBatch(std::string_view head, std::string_view tail);

  // The next line without its newline, nullopt at the end. Empty lines are left out.
  std::optional<std::string_view> Next();
  size_t bytes() const { return size_; }

 private:
  std::unique_ptr<char[]> data_;
  size_t size_ = 0;
  size_t position_ = 0;
};

// Cuts a byte stream into lines. Pieces may end anywhere, also inside a character: the API server
// writes every event as one line of compact JSON, in which a newline byte is never part of
// anything else. Not thread-safe.
class LineSplitter {
 public:
  // A line longer than this is an error: no object of the API is that large.
  static constexpr size_t kMaxLine = size_t{64} << 20;

  explicit LineSplitter(size_t max_line = kMaxLine) : max_line_(max_line) {}

  // The lines that `piece` completes, all in one batch; nullopt when there is none.
  // ResourceExhausted when a line grows over the limit: the stream cannot be used any further.
  StatusOr<std::optional<LineBatch>> Feed(std::string_view piece);
  // Bytes of the line that has begun and not ended.
  size_t pending() const { return pending_size_; }

 private:
  void Keep(std::string_view rest);

  const size_t max_line_;
  // Not a std::string, so that it can be given back: one huge object must not cost its size for
  // ever.
  std::unique_ptr<char[]> pending_;
  size_t pending_size_ = 0;
  size_t pending_capacity_ = 0;
};

}  // namespace kr::cache
