#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_set.h"
#include "controller/cache/join_index.h"
#include "controller/cache/key_index.h"

namespace kr::cache {

// Finds objects by their labels: a list of all in a scope, and one for each value of the label keys
// that selectors have asked for. A label key is indexed when it is first asked for, which goes over
// all objects once; pods have many labels that nobody ever selects by. Not thread-safe.
class LabelIndex {
 public:
  // The present labels of an object; nullopt when there is none.
  using LabelsOf = std::function<std::optional<Labels>(ObjectId)>;

  explicit LabelIndex(LabelsOf labels_of) : labels_of_(std::move(labels_of)) {}

  void Add(ObjectId id, std::string_view scope, const Labels& labels);
  void Remove(ObjectId id, std::string_view scope, const Labels& labels);
  // From now on the selector's labels narrow what is found.
  void Use(const crds::LabelSelector& selector);

  // The shortest known list with all objects that `selector` can select (and others), in rising
  // order; valid until the next change.
  std::span<const ObjectId> Candidates(std::string_view scope,
                                       const crds::LabelSelector& selector) const;
  // Whether it really does.
  bool IsSelected(ObjectId id, const crds::LabelSelector& selector) const;

  size_t bytes() const { return lists_.bytes(); }

 private:
  void UseKey(const std::string& key);

  const LabelsOf labels_of_;
  KeyIndex lists_;
  absl::flat_hash_set<std::string> used_;
};

}  // namespace kr::cache
