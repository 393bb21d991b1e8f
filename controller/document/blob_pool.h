#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"
#include "controller/document/cell.h"

namespace kr::document {

// Byte strings, each stored once, counted, named by a small id. The bytes do not move while a
// reference is held, and are aligned for cells. Engine thread only.
class BlobPool {
 public:
  BlobPool();
  ~BlobPool();
  BlobPool(const BlobPool&) = delete;
  BlobPool& operator=(const BlobPool&) = delete;

  struct Interned {
    uint32_t id;
    bool hit;  // was there before
  };
  // Takes a reference. Not when full().
  Interned Intern(std::string_view bytes);
  // Takes a reference if blob `id` exists and holds `bytes`.
  bool RefIfEqual(uint32_t id, std::string_view bytes);
  void Unref(uint32_t id);

  std::string_view Get(uint32_t id) const { return View(*slots_[id]); }
  uint32_t refs(uint32_t id) const { return slots_[id]->refs; }

  bool full() const { return free_.empty() && slots_.size() > kMaxId; }
  size_t size() const { return ids_.size(); }
  size_t bytes() const { return bytes_; }

 private:
  static constexpr uint32_t kMaxId = (1U << Cell::kPayloadBits) - 1;

  struct Blob {
    uint32_t refs;
    uint32_t size;
  };
  static std::string_view View(const Blob& blob) {
    return {reinterpret_cast<const char*>(&blob + 1), blob.size};
  }

  struct Hash {
    using is_transparent = void;
    const BlobPool* pool;
    size_t operator()(std::string_view bytes) const {
      // Debian's Abseil knows only its own string_view; std's it would hash by std::hash.
      return absl::Hash<absl::string_view>()(absl::string_view(bytes.data(), bytes.size()));
    }
    size_t operator()(uint32_t id) const { return (*this)(pool->Get(id)); }
  };
  struct Equal {
    using is_transparent = void;
    const BlobPool* pool;
    bool operator()(uint32_t id, std::string_view bytes) const { return pool->Get(id) == bytes; }
    bool operator()(uint32_t a, uint32_t b) const { return a == b; }
  };

  std::vector<Blob*> slots_;  // by id; null when free
  std::vector<uint32_t> free_;
  absl::flat_hash_set<uint32_t, Hash, Equal> ids_;
  size_t bytes_ = 0;
};

}  // namespace kr::document
