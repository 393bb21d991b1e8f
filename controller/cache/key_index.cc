#include "controller/cache/key_index.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <new>

namespace kr::cache {

// One allocation for everything but long lists of ids: most keys have few.
struct KeyIndex::Entry {
  uint32_t size = 0;
  uint32_t capacity = 0;  // 0: the only id is `one`
  union {
    Id one;
    Id* many;
  };
  bool woken = false;
  uint32_t key_size = 0;

  std::string_view key() const { return {reinterpret_cast<const char*>(this + 1), key_size}; }
  const Id* ids() const { return capacity == 0 ? &one : many; }
  Id* ids() { return capacity == 0 ? &one : many; }
  size_t bytes() const { return sizeof(Entry) + key_size + capacity * sizeof(Id); }

  static Entry* Make(std::string_view key) {
    Entry* entry = new (::operator new(sizeof(Entry) + key.size())) Entry();
    entry->key_size = static_cast<uint32_t>(key.size());
    std::memcpy(entry + 1, key.data(), key.size());
    return entry;
  }
  static void Destroy(Entry* entry) {
    if (entry->capacity > 0) delete[] entry->many;
    entry->~Entry();
    ::operator delete(entry);
  }
  // size <= new_capacity
  void Resize(uint32_t new_capacity) {
    Id* larger = new Id[new_capacity];
    std::copy_n(ids(), size, larger);
    if (capacity > 0) delete[] many;
    many = larger;
    capacity = new_capacity;
  }
  Entry() : one(0) {}
};

size_t KeyIndex::Hash::operator()(const Entry* entry) const {
  return (*this)(entry->key());
}

size_t KeyIndex::Hash::operator()(std::string_view key) const {
  return std::hash<std::string_view>()(key);
}

bool KeyIndex::Equal::operator()(const Entry* entry, std::string_view key) const {
  return entry->key() == key;
}

KeyIndex::~KeyIndex() {
  for (Entry* entry : entries_) Entry::Destroy(entry);
}

bool KeyIndex::Add(std::string_view key, Id id) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) {
    Entry* entry = Entry::Make(key);
    entry->one = id;
    entry->size = 1;
    entries_.insert(entry);
    entry_bytes_ += entry->bytes();
    return true;
  }
  Entry& entry = **found;
  const Id* end = entry.ids() + entry.size;
  const Id* place = std::lower_bound(static_cast<const Id*>(entry.ids()), end, id);
  if (place != end && *place == id) return false;
  const auto at = place - entry.ids();
  const uint32_t room = std::max(entry.capacity, uint32_t{1});
  if (entry.size == room) {
    entry_bytes_ -= entry.bytes();
    entry.Resize(room + std::max(room / 2, uint32_t{1}));
    entry_bytes_ += entry.bytes();
  }
  Id* ids = entry.ids();
  std::copy_backward(ids + at, ids + entry.size, ids + entry.size + 1);
  ids[at] = id;
  ++entry.size;
  return true;
}

bool KeyIndex::Remove(std::string_view key, Id id) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return false;
  Entry& entry = **found;
  Id* ids = entry.ids();
  Id* end = ids + entry.size;
  Id* place = std::lower_bound(ids, end, id);
  if (place == end || *place != id) return false;
  std::copy(place + 1, end, place);
  --entry.size;
  if (entry.capacity > 4 && entry.size < entry.capacity / 4) {
    entry_bytes_ -= entry.bytes();
    entry.Resize(entry.capacity / 2);
    entry_bytes_ += entry.bytes();
  }
  DropIfUnused(&entry);
  return true;
}

std::span<const KeyIndex::Id> KeyIndex::Find(std::string_view key) const {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return {};
  const Entry& entry = **found;
  return {entry.ids(), entry.size};
}

void KeyIndex::ForEach(absl::FunctionRef<void(std::string_view, std::span<const Id>)> visit) const {
  for (const Entry* entry : entries_) visit(entry->key(), {entry->ids(), entry->size});
}

void KeyIndex::Wake(std::string_view key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  Entry* entry = *found;
  if (!woken_.empty() && woken_.front() == entry) {
    next_ = 0;
    return;
  }
  if (entry->woken) return;
  entry->woken = true;
  woken_.push_back(entry);
}

size_t KeyIndex::Expand(size_t max, absl::FunctionRef<void(Id)> visit) {
  size_t visited = 0;
  while (!woken_.empty() && visited < max) {
    Entry* entry = woken_.front();
    // Looked up anew for every id: the visit may change the index.
    const Id* end = entry->ids() + entry->size;
    const Id* id = std::lower_bound(static_cast<const Id*>(entry->ids()), end, next_);
    if (id == end) {
      woken_.pop_front();
      entry->woken = false;
      next_ = 0;
      DropIfUnused(entry);
      continue;
    }
    next_ = uint64_t{*id} + 1;
    ++visited;
    visit(*id);
  }
  return visited;
}

void KeyIndex::DropIfUnused(Entry* entry) {
  if (entry->size > 0 || entry->woken) return;
  entry_bytes_ -= entry->bytes();
  entries_.erase(entry);
  Entry::Destroy(entry);
}

size_t KeyIndex::bytes() const {
  constexpr size_t kAllocation = 8;  // malloc's own, per block
  return entry_bytes_ + entries_.size() * kAllocation + entries_.capacity() * (sizeof(Entry*) + 1);
}

}  // namespace kr::cache
