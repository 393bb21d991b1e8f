#include "controller/document/blob_pool.h"

#include <cstdlib>
#include <cstring>
#include <new>

namespace kr::document {

BlobPool::BlobPool() : ids_(0, Hash{this}, Equal{this}) {}

BlobPool::~BlobPool() {
  for (Blob* blob : slots_) std::free(blob);
}

BlobPool::Interned BlobPool::Intern(std::string_view bytes) {
  if (const auto at = ids_.find(bytes); at != ids_.end()) {
    ++slots_[*at]->refs;
    return {*at, true};
  }
  void* memory = std::malloc(sizeof(Blob) + bytes.size());
  if (memory == nullptr) throw std::bad_alloc();
  Blob* blob = new (memory) Blob{1, static_cast<uint32_t>(bytes.size())};
  std::memcpy(blob + 1, bytes.data(), bytes.size());

  uint32_t id = static_cast<uint32_t>(slots_.size());
  if (free_.empty()) {
    // Doubling would leave up to half of a long table unused.
    if (slots_.size() == slots_.capacity()) slots_.reserve(slots_.size() * 5 / 4 + 64);
    slots_.push_back(blob);
  } else {
    id = free_.back();
    free_.pop_back();
    slots_[id] = blob;
  }
  ids_.insert(id);
  bytes_ += bytes.size();
  return {id, false};
}

bool BlobPool::RefIfEqual(uint32_t id, std::string_view bytes) {
  if (id >= slots_.size() || slots_[id] == nullptr || Get(id) != bytes) return false;
  ++slots_[id]->refs;
  return true;
}

void BlobPool::Unref(uint32_t id) {
  Blob* blob = slots_[id];
  if (--blob->refs > 0) return;
  ids_.erase(ids_.find(View(*blob)));
  bytes_ -= blob->size;
  std::free(blob);
  slots_[id] = nullptr;
  free_.push_back(id);
}

}  // namespace kr::document
