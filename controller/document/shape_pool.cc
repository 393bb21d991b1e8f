#include "controller/document/shape_pool.h"

#include <utility>

#include "absl/hash/hash.h"

namespace kr::document {
namespace {

// Mixes one key into a running hash: shapes and lists of keys must hash alike.
size_t Mix(size_t hash, std::string_view key) {
  return absl::Hash<std::pair<size_t, std::string_view>>()({hash, key});
}

}  // namespace

Shape::Shape(std::span<const std::string_view> sorted_keys) {
  size_t chars = 0;
  for (const std::string_view key : sorted_keys) chars += key.size();
  chars_.reserve(chars);
  ends_.reserve(sorted_keys.size());
  for (const std::string_view key : sorted_keys) {
    chars_ += key;
    ends_.push_back(static_cast<uint32_t>(chars_.size()));
  }
  constexpr std::array<std::string_view, 4> kFields = {"name", "namespace", "uid",
                                                       "resourceVersion"};
  for (size_t i = 0; i < kFields.size(); ++i) {
    identity_[i] = static_cast<uint32_t>(Find(kFields[i]).value_or(size()));
  }
}

std::optional<size_t> Shape::Find(std::string_view wanted) const {
  size_t low = 0;
  size_t high = size();
  constexpr size_t kScan = 8;  // comparing lengths in a row beats halving when few are left
  while (high - low > kScan) {
    const size_t middle = low + (high - low) / 2;
    if (key(middle) <= wanted) {
      low = middle;
    } else {
      high = middle;
    }
  }
  for (; low < high; ++low) {
    if (key(low) == wanted) return low;
  }
  return std::nullopt;
}

std::optional<size_t> Shape::Find(Identity field) const {
  const size_t index = identity_[field];
  return index < size() ? std::optional(index) : std::nullopt;
}

size_t ShapePool::Hash::operator()(Keys keys) const {
  size_t hash = keys.size();
  for (const std::string_view key : keys) hash = Mix(hash, key);
  return hash;
}

size_t ShapePool::Hash::operator()(const Shape* shape) const {
  size_t hash = shape->size();
  for (size_t i = 0; i < shape->size(); ++i) hash = Mix(hash, shape->key(i));
  return hash;
}

bool ShapePool::Equal::operator()(const Shape* shape, Keys keys) const {
  if (shape->size() != keys.size()) return false;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (shape->key(i) != keys[i]) return false;
  }
  return true;
}

ShapePool::Ticket ShapePool::Intern(Keys sorted_keys) {
  if (const auto at = shapes_.find(sorted_keys); at != shapes_.end()) {
    Shape& shape = *slots_[(*at)->id_];
    ++shape.refs_;
    return {shape.id_, shape.serial_};
  }
  auto shape = std::make_unique<Shape>(sorted_keys);
  shape->refs_ = 1;
  shape->serial_ = ++last_serial_;
  shape->id_ = static_cast<uint32_t>(slots_.size());
  if (free_.empty()) {
    slots_.emplace_back();
  } else {
    shape->id_ = free_.back();
    free_.pop_back();
  }
  shapes_.insert(shape.get());
  const Ticket ticket{shape->id_, shape->serial_};
  slots_[ticket.id] = std::move(shape);
  return ticket;
}

bool ShapePool::RefIfAlive(const Ticket& ticket) {
  if (ticket.id >= slots_.size()) return false;
  Shape* shape = slots_[ticket.id].get();
  if (shape == nullptr || shape->serial_ != ticket.serial) return false;
  ++shape->refs_;
  return true;
}

void ShapePool::Unref(uint32_t id) {
  if (--slots_[id]->refs_ > 0) return;
  shapes_.erase(slots_[id].get());
  slots_[id].reset();
  free_.push_back(id);
}

}  // namespace kr::document
