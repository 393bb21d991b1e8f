#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

// How values lie in a Document: a value is one 4-byte cell, what does not fit lies in front of it
// in the same block. Distances are relative and in bytes, so a subtree reads the same wherever it
// stands: equal blocks are equal bytes, and subtrees can be shared between Documents.
//
//   bit 0 set:  timestamp, 31 bits of seconds since 2000-01-01T00:00:00Z
//   otherwise:  bits 1-4 tag, bits 5-31 payload
namespace kr::document {

static_assert(std::endian::native == std::endian::little, "kTiny keeps characters in cell bytes");

enum class Tag : uint32_t {
  kSimple,    // payload: Simple
  kInt,       // payload: signed integer of 27 bits
  kInt64,     // payload: distance to 8 bytes
  kDouble,    // payload: distance to 8 bytes
  kTiny,      // payload: 3 bits length, then up to 3 characters
  kText,      // payload: 8 bits length, 19 bits distance to the characters
  kLongText,  // payload: distance to a 32-bit length and the characters
  kInterned,  // payload: id in the string pool
  kTime,      // payload: distance to 8 bytes, see PackedTime
  kHex,       // payload: distance to a prefix and packed digits, see packed_hex.h
  kList,      // payload: distance to a block: count, cells
  kMap,       // payload: distance to a block: shape id, cells in the order of the shape's keys
  kShared,    // payload: id in the pool of shared subtrees
};

enum class Simple : uint32_t { kNull, kFalse, kTrue, kOpaque, kUnprojected, kEmptyList, kEmptyMap };

struct Cell {
  uint32_t bits = 0;

  static constexpr uint32_t kPayloadBits = 27;
  static constexpr uint32_t kTextLengthBits = 8;
  static constexpr uint32_t kMaxTextLength = (1U << kTextLengthBits) - 1;
  static constexpr uint32_t kMaxTextDistance = (1U << (kPayloadBits - kTextLengthBits)) - 1;
  static constexpr uint32_t kMaxTinyLength = 3;
  static constexpr int64_t kMaxInt = (int64_t{1} << (kPayloadBits - 1)) - 1;
  static constexpr int64_t kMinInt = -kMaxInt - 1;

  static constexpr Cell Make(Tag tag, uint32_t payload) {
    return {(payload << 5) | (static_cast<uint32_t>(tag) << 1)};
  }
  static constexpr Cell Of(Simple simple) {
    return Make(Tag::kSimple, static_cast<uint32_t>(simple));
  }
  static constexpr Cell Seconds(uint32_t since_2000) { return {(since_2000 << 1) | 1}; }

  constexpr bool is_seconds() const { return (bits & 1) != 0; }
  constexpr uint32_t seconds() const { return bits >> 1; }
  constexpr Tag tag() const { return static_cast<Tag>((bits >> 1) & 15); }
  constexpr bool is(Tag t) const { return !is_seconds() && tag() == t; }
  constexpr uint32_t payload() const { return bits >> 5; }
  constexpr Simple simple() const { return static_cast<Simple>(payload()); }
  constexpr int64_t small_int() const { return static_cast<int32_t>(bits) >> 5; }
  constexpr uint32_t text_length() const { return payload() & kMaxTextLength; }
  constexpr uint32_t text_distance() const { return payload() >> kTextLengthBits; }

  // What the payload points at. Only of a cell in its place.
  const char* Bytes(uint32_t distance) const {
    return reinterpret_cast<const char*>(this) - distance;
  }
  template <typename T>
  T Load() const {
    T value;
    std::memcpy(&value, Bytes(payload()), sizeof(T));
    return value;
  }
  // The block of a list or map: its first word, and the cells behind it.
  const Cell* Block() const { return reinterpret_cast<const Cell*>(Bytes(payload())); }

  std::string_view Tiny() const {
    return {reinterpret_cast<const char*>(this) + 1, (bits >> 5) & kMaxTinyLength};
  }
  std::string_view Text() const { return {Bytes(text_distance()), text_length()}; }
  std::string_view LongText() const {
    return {Bytes(payload()) + sizeof(uint32_t), Load<uint32_t>()};
  }
};
static_assert(sizeof(Cell) == 4);

}  // namespace kr::document
