#include "controller/cache/object_table.h"

#include <utility>

namespace kr::cache {

ObjectId ObjectTable::Add(document::DocumentPtr object) {
  if (free_.empty()) {
    objects_.push_back(std::move(object));
    marks_.push_back(0);
    return static_cast<ObjectId>(objects_.size() - 1);
  }
  const ObjectId id = free_.back();
  free_.pop_back();
  objects_[id] = std::move(object);
  return id;
}

document::DocumentPtr ObjectTable::Replace(ObjectId id, document::DocumentPtr object) {
  return std::exchange(objects_[id], std::move(object));
}

document::DocumentPtr ObjectTable::Remove(ObjectId id) {
  free_.push_back(id);
  return std::exchange(objects_[id], document::DocumentPtr());
}

}  // namespace kr::cache
