#include "controller/cache/selector_set.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace kr::cache {
namespace {

using crds::LabelSelector;

// Where selectors wait for objects that have a label with a value, a label, or anything. No scope
// has a zero byte in it, no label key a '='.
std::string Anywhere(std::string_view scope) {
  return std::string(scope) + '\0';
}
std::string At(std::string_view scope, std::string_view key) {
  return Anywhere(scope).append(key);
}
std::string At(std::string_view scope, std::string_view key, std::string_view value) {
  return At(scope, key).append("=").append(value);
}

}  // namespace

std::string SelectorSet::KeyOf(std::string_view scope, const LabelSelector& selector) {
  return Anywhere(scope).append(selector.ToString());
}

std::string SelectorSet::AnchorOf(std::string_view scope, const LabelSelector& selector) const {
  std::string best;
  size_t fewest = std::numeric_limits<size_t>::max();
  const auto consider = [&](std::string anchor) {
    const auto waiting = anchors_.find(anchor);
    const size_t count = waiting == anchors_.end() ? 0 : waiting->second.size();
    if (count >= fewest) return;
    fewest = count;
    best = std::move(anchor);
  };
  for (const auto& [key, value] : selector.match_labels) consider(At(scope, key, value));
  for (const LabelSelector::Requirement& requirement : selector.match_expressions) {
    if (requirement.op == LabelSelector::Operator::kExists) consider(At(scope, requirement.key));
    if (requirement.op != LabelSelector::Operator::kIn) continue;
    consider(requirement.values.size() == 1 ? At(scope, requirement.key, requirement.values[0])
                                            : At(scope, requirement.key));
  }
  return best.empty() ? Anywhere(scope) : best;
}

void SelectorSet::Add(ObjectId id, std::string_view scope, const LabelSelector& selector) {
  std::string key = KeyOf(scope, selector);
  std::unique_ptr<Entry>& entry = entries_[key];
  if (entry == nullptr) {
    entry = std::make_unique<Entry>(Entry{.scope = std::string(scope),
                                          .selector = selector,
                                          .ids = {},
                                          .key = std::move(key),
                                          .anchor = AnchorOf(scope, selector)});
    anchors_[entry->anchor].push_back(entry.get());
  }
  const auto place = std::lower_bound(entry->ids.begin(), entry->ids.end(), id);
  if (place == entry->ids.end() || *place != id) entry->ids.insert(place, id);
}

void SelectorSet::Remove(ObjectId id, std::string_view scope, const LabelSelector& selector) {
  const auto found = entries_.find(KeyOf(scope, selector));
  if (found == entries_.end()) return;
  Entry& entry = *found->second;
  std::erase(entry.ids, id);
  if (!entry.ids.empty()) return;
  const auto waiting = anchors_.find(entry.anchor);
  std::erase(waiting->second, &entry);
  if (waiting->second.empty()) anchors_.erase(waiting);
  entries_.erase(found);
}

const SelectorSet::Entry* SelectorSet::Find(const std::string& key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : found->second.get();
}

void SelectorSet::ForEachSelecting(std::string_view scope, const Labels& labels,
                                   absl::FunctionRef<void(const Entry&)> visit) const {
  const auto ask = [&](const std::string& anchor) {
    const auto waiting = anchors_.find(anchor);
    if (waiting == anchors_.end()) return;
    for (const Entry* entry : waiting->second) {
      if (Selects(entry->selector, labels)) visit(*entry);
    }
  };
  ask(Anywhere(scope));
  for (const auto& [key, value] : labels) {
    ask(At(scope, key));
    ask(At(scope, key, value));
  }
}

size_t SelectorSet::bytes() const {
  constexpr size_t kPerEntry = sizeof(Entry) + 2 * sizeof(void*) + 3 * sizeof(std::string);
  size_t bytes = 0;
  for (const auto& [key, entry] : entries_) {
    bytes += kPerEntry + 3 * key.size() + entry->ids.capacity() * sizeof(ObjectId);
  }
  return bytes;
}

}  // namespace kr::cache
