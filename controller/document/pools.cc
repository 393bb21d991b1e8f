#include "controller/document/pools.h"

#include <algorithm>

namespace kr::document {

Plan& Pools::PlanFor(const Projection::Ptr& projection) {
  for (size_t i = 0; i < plans_.size(); ++i) {
    if (plans_[i]->projection() == projection) {
      std::rotate(plans_.begin(), plans_.begin() + static_cast<ptrdiff_t>(i),
                  plans_.begin() + static_cast<ptrdiff_t>(i) + 1);
      return *plans_.front();
    }
  }
  constexpr size_t kIdle = 8;
  size_t idle = 0;
  std::erase_if(plans_, [&idle](const std::unique_ptr<Plan>& plan) {
    return plan->documents == 0 && ++idle > kIdle;
  });
  plans_.insert(plans_.begin(), std::make_unique<Plan>(*this, projection));
  return *plans_.front();
}

void Pools::Release(const Cell* cell) {
  if (cell->is_seconds()) return;
  switch (cell->tag()) {
    case Tag::kInterned:
      strings.Unref(cell->payload());
      return;
    case Tag::kShared:
      if (shared.refs(cell->payload()) == 1) Release(SharedRoot(cell->payload()));
      shared.Unref(cell->payload());
      return;
    case Tag::kList: {
      const Cell* block = cell->Block();
      for (uint32_t i = 1; i <= block->bits; ++i) Release(block + i);
      return;
    }
    case Tag::kMap: {
      const Cell* block = cell->Block();
      const size_t size = shapes.Get(block->bits).size();
      for (size_t i = 1; i <= size; ++i) Release(block + i);
      shapes.Unref(block->bits);
      return;
    }
    default:
      return;
  }
}

void Pools::Unref() {
  if (--refs_ == 0) delete this;
}

}  // namespace kr::document
