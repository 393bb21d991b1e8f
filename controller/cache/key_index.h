#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string_view>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"

namespace kr::cache {

// Which ids have which key: the index behind relations, built for a few hundred thousand ids.
// Each key is stored once, its ids sorted. Keys can be woken: their ids then come out of Expand,
// in slices, each key once however often it was woken meanwhile. Not thread-safe.
class KeyIndex {
 public:
  using Id = uint32_t;

  KeyIndex() = default;
  ~KeyIndex();
  KeyIndex(const KeyIndex&) = delete;
  KeyIndex& operator=(const KeyIndex&) = delete;

  // Whether that was new.
  bool Add(std::string_view key, Id id);
  // Whether it was there.
  bool Remove(std::string_view key, Id id);
  // The ids of a key in rising order; valid until the next change.
  std::span<const Id> Find(std::string_view key) const;

  // All keys with their ids, in no particular order. `visit` must not change the index.
  void ForEach(absl::FunctionRef<void(std::string_view, std::span<const Id>)> visit) const;

  // The ids of `key` will be expanded. Nothing happens when it has none. A key that is being
  // expanded starts over.
  void Wake(std::string_view key);
  // Visits up to `max` ids of woken keys and returns how many that were; less than `max` means
  // that nothing is left. An id with two woken keys comes twice.
  size_t Expand(size_t max, absl::FunctionRef<void(Id)> visit);
  bool woken() const { return !woken_.empty(); }

  size_t keys() const { return entries_.size(); }
  // All memory that it holds, for --max-cache-bytes.
  size_t bytes() const;

 private:
  struct Entry;
  struct Hash {
    using is_transparent = void;
    size_t operator()(const Entry* entry) const;
    size_t operator()(std::string_view key) const;
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const Entry* a, const Entry* b) const { return a == b; }
    bool operator()(const Entry* entry, std::string_view key) const;
    bool operator()(std::string_view key, const Entry* entry) const { return (*this)(entry, key); }
  };

  void DropIfUnused(Entry* entry);

  absl::flat_hash_set<Entry*, Hash, Equal> entries_;
  std::deque<Entry*> woken_;
  uint64_t next_ = 0;  // of the front of woken_: the first id that was not visited
  size_t entry_bytes_ = 0;
};

}  // namespace kr::cache
