#include "controller/cache/store.h"

#include <utility>
#include <vector>

#include "controller/cache/resource_version.h"

namespace kr::cache {

using document::DocumentPtr;

size_t Store::Hash::operator()(ObjectId id) const {
  const document::Document& object = *objects->Get(id);
  return (*this)(KeyView{object.name_space(), object.name()});
}

size_t Store::Hash::operator()(const KeyView& key) const {
  const std::hash<std::string_view> hash;
  return hash(key.name) * 31 + hash(key.name_space);
}

bool Store::Equal::operator()(ObjectId id, const KeyView& key) const {
  const document::Document& object = *objects->Get(id);
  return object.name() == key.name && object.name_space() == key.name_space;
}

Store::Store(ObjectTable& objects, StoreObserver& observer)
    : objects_(objects), observer_(observer), ids_(0, Hash{&objects}, Equal{&objects}) {}

Store::~Store() {
  const std::vector<ObjectId> ids(ids_.begin(), ids_.end());
  ids_.clear();
  for (const ObjectId id : ids) objects_.Remove(id);
}

void Store::Upsert(DocumentPtr object) {
  const auto found = ids_.find(KeyView{object->name_space(), object->name()});
  if (found == ids_.end()) {
    Insert(std::move(object));
    return;
  }
  const ObjectId id = *found;
  const DocumentPtr& current = objects_.Get(id);
  if (current->uid() != object->uid()) {
    Remove(id);
    Insert(std::move(object));
    return;
  }
  objects_.marks_[id] = epoch_;
  const bool same_body = current->SameBody(*object);
  if (same_body && current->resource_version() == object->resource_version()) return;
  bytes_ += object->bytes();
  const DocumentPtr before = objects_.Replace(id, std::move(object));
  bytes_ -= before->bytes();
  if (same_body) return;
  // A copy: the observer may do what moves the table's own.
  const DocumentPtr after = objects_.Get(id);
  observer_.OnChange(id, before, after);
}

void Store::Insert(DocumentPtr object) {
  bytes_ += object->bytes();
  const ObjectId id = objects_.Add(object);
  objects_.marks_[id] = epoch_;
  ids_.insert(id);
  observer_.OnChange(id, DocumentPtr(), object);
}

void Store::Remove(ObjectId id) {
  // Hashing reads the document: first out of the set, then out of the table. The number is free
  // for others only after the observer has let go of it.
  ids_.erase(id);
  const DocumentPtr before = objects_.Get(id);
  bytes_ -= before->bytes();
  observer_.OnChange(id, before, DocumentPtr());
  objects_.Remove(id);
}

void Store::Erase(std::string_view name_space, std::string_view name) {
  const auto found = ids_.find(KeyView{name_space, name});
  if (found != ids_.end()) Remove(*found);
}

void Store::BeginList() {
  relisting_ = true;
  if (++epoch_ == 0) {
    // The marks have gone round: an old one could pass for new.
    for (const ObjectId id : ids_) objects_.marks_[id] = 0;
    epoch_ = 1;
  }
}

void Store::EndList(std::string_view version) {
  std::vector<ObjectId> gone;
  for (const ObjectId id : ids_) {
    if (objects_.marks_[id] != epoch_) gone.push_back(id);
  }
  for (const ObjectId id : gone) Remove(id);
  version_ = version;
  relisting_ = false;
  synced_ = true;
}

bool Store::HasSeen(std::string_view version) const {
  if (!synced_ || relisting_) return false;
  if (!version.empty() && version == version_) return true;
  const auto order = CompareResourceVersions(version_, version);
  return order.has_value() && *order >= 0;
}

std::optional<ObjectId> Store::FindId(std::string_view name_space, std::string_view name) const {
  const auto it = ids_.find(KeyView{name_space, name});
  return it == ids_.end() ? std::nullopt : std::optional(*it);
}

DocumentPtr Store::Find(std::string_view name_space, std::string_view name) const {
  const auto found = ids_.find(KeyView{name_space, name});
  return found == ids_.end() ? DocumentPtr() : objects_.Get(*found);
}

void Store::ForEach(absl::FunctionRef<void(ObjectId, const DocumentPtr&)> visit) const {
  for (const ObjectId id : ids_) visit(id, objects_.Get(id));
}

void Store::ForEachIn(std::string_view name_space,
                      absl::FunctionRef<void(ObjectId, const DocumentPtr&)> visit) const {
  for (const ObjectId id : ids_) {
    const DocumentPtr& object = objects_.Get(id);
    if (object->name_space() == name_space) visit(id, object);
  }
}

}  // namespace kr::cache
