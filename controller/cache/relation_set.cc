#include "controller/cache/relation_set.h"

#include <algorithm>
#include <utility>

#include "controller/cache/watch_planner.h"

namespace kr::cache {
namespace {

using document::DocumentPtr;

bool Contains(const std::vector<const Informer*>& informers, const Informer* informer) {
  return std::find(informers.begin(), informers.end(), informer) != informers.end();
}

// `leave` and `enter` are called with each object of the informers that serve no longer, or newly.
template <typename Leave, typename Enter>
void Exchange(std::vector<const Informer*>& current, std::vector<const Informer*> wanted,
              Leave leave, Enter enter) {
  for (const Informer* informer : current) {
    if (!Contains(wanted, informer)) informer->store().ForEach(leave);
  }
  for (const Informer* informer : wanted) {
    if (!Contains(current, informer)) informer->store().ForEach(enter);
  }
  current = std::move(wanted);
}

}  // namespace

RelationSet::RelationSet(const ObjectTable& objects, const InformerSet& informers)
    : objects_(objects), informers_(informers) {}

RelationHandle RelationSet::Get(const RelationSpec& spec) {
  Slot& slot = slots_[spec.canonical];
  if (slot.relation == nullptr) {
    slot.relation = std::make_shared<Relation>(spec, objects_);
  }
  if (slot.asked) {
    slot.related_need.projection = Unite(slot.related_need.projection, spec.related.projection);
    slot.target_need.projection = Unite(slot.target_need.projection, spec.targets.projection);
  } else {
    slot.related_need = spec.related;
    slot.target_need = spec.targets;
    slot.asked = true;
  }
  return slot.relation;
}

void RelationSet::Rebind() {
  uses_.clear();
  for (auto it = slots_.begin(); it != slots_.end();) {
    const bool unused = it->second.relation.use_count() == 1;
    it = unused ? slots_.erase(it) : std::next(it);
  }
  for (auto& [canonical, slot] : slots_) {
    Relation& relation = *slot.relation;
    slot.asked = false;
    Exchange(
        slot.targets, informers_.Find(slot.target_need).informers(),
        [&](ObjectId id, const DocumentPtr& object) {
          relation.ChangeTarget(id, object.get(), nullptr);
        },
        [&](ObjectId id, const DocumentPtr& object) {
          relation.ChangeTarget(id, nullptr, object.get());
        });
    Exchange(
        slot.related, informers_.Find(slot.related_need).informers(),
        [&](ObjectId id, const DocumentPtr& object) {
          relation.ChangeRelated(id, object.get(), nullptr);
        },
        [&](ObjectId id, const DocumentPtr& object) {
          relation.ChangeRelated(id, nullptr, object.get());
        });
    for (const Informer* informer : slot.related) uses_[informer].related.push_back(&slot);
    for (const Informer* informer : slot.targets) uses_[informer].targets.push_back(&slot);
  }
}

void RelationSet::OnChange(const Informer& informer, ObjectId id, const DocumentPtr& before,
                           const DocumentPtr& after) {
  const auto uses = uses_.find(&informer);
  if (uses == uses_.end()) return;
  for (Slot* slot : uses->second.targets) {
    slot->relation->ChangeTarget(id, before.get(), after.get());
  }
  for (Slot* slot : uses->second.related) {
    slot->relation->ChangeRelated(id, before.get(), after.get());
  }
}

size_t RelationSet::Expand(size_t max, absl::FunctionRef<void(const Relation&, ObjectId)> visit) {
  size_t visited = 0;
  // Begins behind where it ended: one that is always busy must not keep the others waiting.
  auto slot = slots_.upper_bound(expand_after_);
  for (size_t left = slots_.size(); left > 0 && visited < max; --left, ++slot) {
    if (slot == slots_.end()) slot = slots_.begin();
    expand_after_ = slot->first;
    const Relation& relation = *slot->second.relation;
    visited += slot->second.relation->Expand(max - visited,
                                             [&](ObjectId target) { visit(relation, target); });
  }
  return visited;
}

bool RelationSet::woken() const {
  return std::any_of(slots_.begin(), slots_.end(),
                     [](const auto& slot) { return slot.second.relation->woken(); });
}

size_t RelationSet::bytes() const {
  size_t bytes = 0;
  for (const auto& [canonical, slot] : slots_) bytes += slot.relation->bytes();
  return bytes;
}

}  // namespace kr::cache
