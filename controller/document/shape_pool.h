#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"

namespace kr::document {

// The sorted keys of a map, shared by all maps that have the same ones.
class Shape {
 public:
  // The fields that make an object's identity, as indexes of a shape's `identity`.
  enum Identity { kName, kNamespace, kUid, kResourceVersion };

  explicit Shape(std::span<const std::string_view> sorted_keys);

  size_t size() const { return ends_.size(); }
  std::string_view key(size_t index) const {
    const uint32_t begin = index == 0 ? 0 : ends_[index - 1];
    return std::string_view(chars_).substr(begin, ends_[index] - begin);
  }
  std::optional<size_t> Find(std::string_view key) const;
  // Find("name") and so on, without searching.
  std::optional<size_t> Find(Identity field) const;

 private:
  friend class ShapePool;
  uint32_t refs_ = 0;
  uint32_t id_ = 0;
  uint64_t serial_ = 0;
  std::array<uint32_t, 4> identity_;  // size() when the key is not there
  std::string chars_;
  std::vector<uint32_t> ends_;
};

// Shapes, each stored once, counted, named by a small id. Engine thread only.
class ShapePool {
 public:
  // A shape that somebody remembers without holding it: ids are used again, serials never.
  struct Ticket {
    uint32_t id = 0;
    uint64_t serial = 0;
  };

  // Takes a reference. The keys are sorted and distinct.
  Ticket Intern(std::span<const std::string_view> sorted_keys);
  // Takes a reference if the shape still exists.
  bool RefIfAlive(const Ticket& ticket);
  void Unref(uint32_t id);

  const Shape& Get(uint32_t id) const { return *slots_[id]; }
  size_t size() const { return shapes_.size(); }

 private:
  using Keys = std::span<const std::string_view>;
  struct Hash {
    using is_transparent = void;
    size_t operator()(Keys keys) const;
    size_t operator()(const Shape* shape) const;
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const Shape* shape, Keys keys) const;
    bool operator()(const Shape* a, const Shape* b) const { return a == b; }
  };

  std::vector<std::unique_ptr<Shape>> slots_;  // by id; null when free
  std::vector<uint32_t> free_;
  absl::flat_hash_set<const Shape*, Hash, Equal> shapes_;
  uint64_t last_serial_ = 0;
};

}  // namespace kr::document
