#include "controller/cache/line_splitter.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "controller/document/decoder.h"

namespace kr::cache {
namespace {

// Kept between lines, so that small pieces do not allocate each time.
constexpr size_t kKeptCapacity = 16 << 10;

}  // namespace

LineBatch::LineBatch(std::string_view head, std::string_view tail)
    : data_(new char[head.size() + tail.size() + document::Decoder::kPadding]),
      size_(head.size() + tail.size()) {
  std::copy(head.begin(), head.end(), data_.get());
  std::copy(tail.begin(), tail.end(), data_.get() + head.size());
  std::memset(data_.get() + size_, 0, document::Decoder::kPadding);
}

std::optional<std::string_view> LineBatch::Next() {
  while (position_ < size_) {
    const std::string_view rest(data_.get() + position_, size_ - position_);
    const std::string_view line = rest.substr(0, rest.find('\n'));
    position_ += line.size() + 1;
    if (!line.empty()) return line;
  }
  return std::nullopt;
}

StatusOr<std::optional<LineBatch>> LineSplitter::Feed(std::string_view piece) {
  const size_t first = std::min(piece.find('\n'), piece.size());
  if (pending_size_ + first > max_line_) {
    return ResourceExhausted("a line is longer than " + std::to_string(max_line_) + " bytes");
  }
  if (first == piece.size()) {
    Keep(piece);
    return std::optional<LineBatch>();
  }
  // rfind would go through what has begun byte by byte.
  const auto* end = static_cast<const char*>(::memrchr(piece.data(), '\n', piece.size()));
  const auto last = static_cast<size_t>(end - piece.data());
  LineBatch batch({pending_.get(), pending_size_}, piece.substr(0, last + 1));
  pending_size_ = 0;
  if (pending_capacity_ > kKeptCapacity) {
    pending_.reset();
    pending_capacity_ = 0;
  }
  Keep(piece.substr(last + 1));
  return std::optional<LineBatch>(std::move(batch));
}

void LineSplitter::Keep(std::string_view rest) {
  const size_t size = pending_size_ + rest.size();
  if (size > pending_capacity_) {
    const size_t capacity = std::max({size, pending_capacity_ * 2, kKeptCapacity});
    std::unique_ptr<char[]> larger(new char[capacity]);
    std::copy_n(pending_.get(), pending_size_, larger.get());
    pending_ = std::move(larger);
    pending_capacity_ = capacity;
  }
  std::copy(rest.begin(), rest.end(), pending_.get() + pending_size_);
  pending_size_ = size;
}

}  // namespace kr::cache
