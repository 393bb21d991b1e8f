#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "controller/document/blob_pool.h"
#include "controller/document/cell.h"
#include "controller/document/plan.h"
#include "controller/document/shape_pool.h"

namespace kr::document {

// What the Documents of one Decoder share. Lives as long as the Decoder or any Document.
// Engine thread only.
struct Pools {
  BlobPool strings;
  BlobPool shared;  // subtrees: their bytes, the root cell last
  ShapePool shapes;

  // The plan for `projection`, made when it is new. Plans without documents go at some point.
  Plan& PlanFor(const Projection::Ptr& projection);

  // Of a shared subtree.
  const Cell* SharedRoot(uint32_t id) const {
    const std::string_view bytes = shared.Get(id);
    return reinterpret_cast<const Cell*>(bytes.data() + bytes.size() - sizeof(Cell));
  }

  // Gives back the references that the value of `cell` holds.
  void Release(const Cell* cell);

  // One reference per Document and one for the Decoder.
  void Ref() { ++refs_; }
  void Unref();

 private:
  std::vector<std::unique_ptr<Plan>> plans_;  // the last used one first
  size_t refs_ = 0;
};

}  // namespace kr::document
