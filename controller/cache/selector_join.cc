#include "controller/cache/selector_join.h"

#include <algorithm>
#include <utility>

namespace kr::cache {
namespace {

using crds::LabelSelector;

bool Has(const JoinSide& side, std::string_view scope, const LabelSelector& selector) {
  return side.scope == scope &&
         std::find(side.selectors.begin(), side.selectors.end(), selector) != side.selectors.end();
}

void SortOnce(std::vector<ObjectId>& ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
}

}  // namespace

void SelectorJoin::ChangeLabels(ObjectId id, const JoinSide& before, const JoinSide& after) {
  if (before.labels == after.labels && before.scope == after.scope) return;
  if (before.labels) labels_.Remove(id, before.scope, *before.labels);
  if (after.labels) labels_.Add(id, after.scope, *after.labels);
}

void SelectorJoin::ChangeSelectors(ObjectId id, const JoinSide& before, const JoinSide& after) {
  for (const LabelSelector& selector : before.selectors) {
    if (!Has(after, before.scope, selector)) selectors_.Remove(id, before.scope, selector);
  }
  for (const LabelSelector& selector : after.selectors) {
    if (Has(before, after.scope, selector)) continue;
    labels_.Use(selector);
    selectors_.Add(id, after.scope, selector);
  }
}

void SelectorJoin::ChangeRelated(ObjectId id, const JoinSide& before, const JoinSide& after) {
  if (related_have_labels_) {
    ChangeLabels(id, before, after);
    for (const JoinSide* side : {&before, &after}) {
      if (!side->labels) continue;
      selectors_.ForEachSelecting(side->scope, *side->labels, [&](const SelectorSet::Entry& entry) {
        Wake(entry.scope, entry.selector);
      });
    }
    return;
  }
  ChangeSelectors(id, before, after);
  for (const JoinSide* side : {&before, &after}) {
    for (const LabelSelector& selector : side->selectors) Wake(side->scope, selector);
  }
}

void SelectorJoin::ChangeTarget(ObjectId id, const JoinSide& before, const JoinSide& after) {
  if (related_have_labels_) {
    ChangeSelectors(id, before, after);
  } else {
    ChangeLabels(id, before, after);
  }
}

std::vector<ObjectId> SelectorJoin::Having(const JoinSide& labels) const {
  std::vector<ObjectId> ids;
  if (!labels.labels) return ids;
  selectors_.ForEachSelecting(labels.scope, *labels.labels, [&](const SelectorSet::Entry& entry) {
    ids.insert(ids.end(), entry.ids.begin(), entry.ids.end());
  });
  SortOnce(ids);
  return ids;
}

std::vector<ObjectId> SelectorJoin::SelectedBy(const JoinSide& selectors) const {
  std::vector<ObjectId> ids;
  for (const LabelSelector& selector : selectors.selectors) {
    for (const ObjectId id : labels_.Candidates(selectors.scope, selector)) {
      if (labels_.IsSelected(id, selector)) ids.push_back(id);
    }
  }
  if (selectors.selectors.size() > 1) SortOnce(ids);
  return ids;
}

std::vector<ObjectId> SelectorJoin::RelatedOf(const JoinSide& target) const {
  return related_have_labels_ ? SelectedBy(target) : Having(target);
}

std::vector<ObjectId> SelectorJoin::TargetsOf(const JoinSide& related) const {
  return related_have_labels_ ? Having(related) : SelectedBy(related);
}

void SelectorJoin::Wake(std::string_view scope, const LabelSelector& selector) {
  std::string key = SelectorSet::KeyOf(scope, selector);
  if (!woken_.empty() && woken_.front().key == key) {
    next_ = 0;
    return;
  }
  if (!woken_keys_.insert(key).second) return;
  woken_.push_back({std::move(key), std::string(scope), selector});
}

std::span<const ObjectId> SelectorJoin::TargetsOf(const Woken& woken) const {
  if (!related_have_labels_) return labels_.Candidates(woken.scope, woken.selector);
  const SelectorSet::Entry* entry = selectors_.Find(woken.key);
  return entry == nullptr ? std::span<const ObjectId>() : entry->ids;
}

size_t SelectorJoin::Expand(size_t max, absl::FunctionRef<void(ObjectId)> visit) {
  size_t looked_at = 0;
  while (!woken_.empty() && looked_at < max) {
    // Looked up anew for every id: the visit may change the index.
    const std::span<const ObjectId> ids = TargetsOf(woken_.front());
    const auto id = std::lower_bound(ids.begin(), ids.end(), next_);
    if (id == ids.end()) {
      woken_keys_.erase(woken_.front().key);
      woken_.pop_front();
      next_ = 0;
      continue;
    }
    next_ = uint64_t{*id} + 1;
    ++looked_at;
    if (related_have_labels_ || labels_.IsSelected(*id, woken_.front().selector)) visit(*id);
  }
  return looked_at;
}

}  // namespace kr::cache
