#include "controller/cache/label_index.h"

#include <utility>
#include <vector>

namespace kr::cache {
namespace {

// No scope has a zero byte in it.
std::string AllOf(std::string_view scope) {
  return std::string(scope) + '\0';
}

std::string ListOf(std::string_view scope, std::string_view key, std::string_view value) {
  std::string list = AllOf(scope);
  list.append(key);
  list += '=';
  list.append(value);
  return list;
}

}  // namespace

void LabelIndex::Add(ObjectId id, std::string_view scope, const Labels& labels) {
  lists_.Add(AllOf(scope), id);
  for (const auto& [key, value] : labels) {
    if (used_.contains(key)) lists_.Add(ListOf(scope, key, value), id);
  }
}

void LabelIndex::Remove(ObjectId id, std::string_view scope, const Labels& labels) {
  lists_.Remove(AllOf(scope), id);
  for (const auto& [key, value] : labels) {
    if (used_.contains(key)) lists_.Remove(ListOf(scope, key, value), id);
  }
}

void LabelIndex::Use(const crds::LabelSelector& selector) {
  for (const auto& [key, value] : selector.match_labels) UseKey(key);
  for (const auto& requirement : selector.match_expressions) {
    const bool one_value =
        requirement.op == crds::LabelSelector::Operator::kIn && requirement.values.size() == 1;
    if (one_value) UseKey(requirement.key);
  }
}

void LabelIndex::UseKey(const std::string& key) {
  if (!used_.insert(key).second) return;
  std::vector<std::pair<std::string, ObjectId>> found;
  lists_.ForEach([&](std::string_view list, std::span<const ObjectId> ids) {
    if (list.back() != '\0') return;  // only those of all objects
    for (const ObjectId id : ids) {
      const std::optional<Labels> labels = labels_of_(id);
      if (!labels) continue;
      for (const auto& [label, value] : *labels) {
        if (label == key)
          found.emplace_back(ListOf(list.substr(0, list.size() - 1), key, value), id);
      }
    }
  });
  for (const auto& [list, id] : found) lists_.Add(list, id);
}

std::span<const ObjectId> LabelIndex::Candidates(std::string_view scope,
                                                 const crds::LabelSelector& selector) const {
  std::span<const ObjectId> shortest = lists_.Find(AllOf(scope));
  const auto consider = [&](const std::string& key, const std::string& value) {
    if (!used_.contains(key)) return;
    const std::span<const ObjectId> list = lists_.Find(ListOf(scope, key, value));
    if (list.size() < shortest.size()) shortest = list;
  };
  for (const auto& [key, value] : selector.match_labels) consider(key, value);
  for (const auto& requirement : selector.match_expressions) {
    if (requirement.op != crds::LabelSelector::Operator::kIn) continue;
    if (requirement.values.size() == 1) consider(requirement.key, requirement.values[0]);
  }
  return shortest;
}

bool LabelIndex::IsSelected(ObjectId id, const crds::LabelSelector& selector) const {
  const std::optional<Labels> labels = labels_of_(id);
  return labels && Selects(selector, *labels);
}

}  // namespace kr::cache
