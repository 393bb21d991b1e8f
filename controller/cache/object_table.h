#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "controller/document/document.h"

namespace kr::cache {

// Names an object while it is in some store; may be used again for another one afterwards.
using ObjectId = uint32_t;

// The objects of all stores by number, so that indexes need four bytes for one. Engine thread only.
class ObjectTable {
 public:
  ObjectId Add(document::DocumentPtr object);
  // Null for a number that is not in use.
  const document::DocumentPtr& Get(ObjectId id) const { return objects_[id]; }
  // Returns what was there.
  document::DocumentPtr Replace(ObjectId id, document::DocumentPtr object);
  document::DocumentPtr Remove(ObjectId id);

  size_t size() const { return objects_.size() - free_.size(); }

 private:
  friend class Store;
  std::deque<document::DocumentPtr> objects_;
  std::vector<uint8_t> marks_;  // of the store that the object is in
  std::vector<ObjectId> free_;
};

}  // namespace kr::cache
