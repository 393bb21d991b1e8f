#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "controller/cache/object_table.h"
#include "controller/document/document.h"
#include "controller/kube/resource.h"

namespace kr::cache {

// Hears of every change of a store, after it was made. `before` is null for a new object, `after`
// for one that is gone.
class StoreObserver {
 public:
  virtual ~StoreObserver() = default;
  virtual void OnChange(ObjectId id, const document::DocumentPtr& before,
                        const document::DocumentPtr& after) = 0;
};

// The objects that one watch has delivered, at most one per key. Engine thread only.
//
// A re-list is done in place, by mark and sweep: buffering a second copy would double the memory.
// So between BeginList and EndList the contents are a mixture, each object being at least as new
// as it was before: readers that need one consistent state ask relisting().
// It is never asked which of two versions is the newer: what the server says last is true, also
// when it was restored from a backup.
class Store {
 public:
  // Both must outlive the store.
  Store(ObjectTable& objects, StoreObserver& observer);
  // Releases its objects without telling the observer.
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // ADDED or MODIFIED. An object with the same body as before tells nobody; another UID under the
  // same key is told as the end of the one and the beginning of the other.
  void Upsert(document::DocumentPtr object);
  // DELETED. Tells the last state that was in the store.
  void Erase(std::string_view name_space, std::string_view name);

  void BeginList();
  // All objects that were not seen since BeginList are gone.
  void EndList(std::string_view version);
  void SetVersion(std::string_view version) { version_ = version; }

  // Whether a list has ever been complete. Absence proves nothing before.
  bool synced() const { return synced_; }
  bool relisting() const { return relisting_; }
  // The version of the last event, bookmark or list.
  const std::string& resource_version() const { return version_; }
  // Whether a write that was answered with `version` is certainly in here: what came of it may by
  // now be something newer, or gone. False when the versions cannot be compared, and while
  // relisting.
  bool HasSeen(std::string_view version) const;

  // Null when there is none.
  document::DocumentPtr Find(std::string_view name_space, std::string_view name) const;
  document::DocumentPtr Find(const kube::ObjectKey& key) const {
    return Find(key.name_space, key.name);
  }
  std::optional<ObjectId> FindId(std::string_view name_space, std::string_view name) const;
  size_t size() const { return ids_.size(); }
  // Memory of its objects, without the pools that all documents share.
  size_t bytes() const { return bytes_ + ids_.size() * kBytesPerId; }
  // In no particular order. `visit` must not change the store.
  void ForEach(absl::FunctionRef<void(ObjectId, const document::DocumentPtr&)> visit) const;
  void ForEachIn(std::string_view name_space,
                 absl::FunctionRef<void(ObjectId, const document::DocumentPtr&)> visit) const;

 private:
  struct KeyView {
    std::string_view name_space, name;
  };
  // Objects are found by the names inside their documents: no key is stored twice.
  struct Hash {
    using is_transparent = void;
    const ObjectTable* objects;
    size_t operator()(ObjectId id) const;
    size_t operator()(const KeyView& key) const;
  };
  struct Equal {
    using is_transparent = void;
    const ObjectTable* objects;
    bool operator()(ObjectId a, ObjectId b) const { return a == b; }
    bool operator()(ObjectId id, const KeyView& key) const;
    bool operator()(const KeyView& key, ObjectId id) const { return (*this)(id, key); }
  };

  // Of the number table, the marks and the set, roughly.
  static constexpr size_t kBytesPerId = sizeof(document::DocumentPtr) + 8;

  void Insert(document::DocumentPtr object);
  void Remove(ObjectId id);

  ObjectTable& objects_;
  StoreObserver& observer_;
  absl::flat_hash_set<ObjectId, Hash, Equal> ids_;
  size_t bytes_ = 0;  // of the documents
  std::string version_;
  uint8_t epoch_ = 0;
  bool synced_ = false;
  bool relisting_ = false;
};

}  // namespace kr::cache
