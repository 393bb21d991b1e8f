#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "controller/cache/join_index.h"

namespace kr::cache {

// Selectors with the objects that have them; equal ones are kept once. Finds those that select an
// object without asking those that cannot: each waits under one of its own requirements, the one
// that fewest others wait under. Not thread-safe.
class SelectorSet {
 public:
  struct Entry {
    std::string scope;
    crds::LabelSelector selector;
    std::vector<ObjectId> ids;  // in rising order
    std::string key;            // of Find
    std::string anchor;
  };

  SelectorSet() = default;
  SelectorSet(const SelectorSet&) = delete;
  SelectorSet& operator=(const SelectorSet&) = delete;

  void Add(ObjectId id, std::string_view scope, const crds::LabelSelector& selector);
  void Remove(ObjectId id, std::string_view scope, const crds::LabelSelector& selector);

  static std::string KeyOf(std::string_view scope, const crds::LabelSelector& selector);
  // Null when nobody has it.
  const Entry* Find(const std::string& key) const;
  // Each that selects an object of that scope with these labels, once. `visit` must not change the
  // set.
  void ForEachSelecting(std::string_view scope, const Labels& labels,
                        absl::FunctionRef<void(const Entry&)> visit) const;

  size_t size() const { return entries_.size(); }
  size_t bytes() const;

 private:
  std::string AnchorOf(std::string_view scope, const crds::LabelSelector& selector) const;

  absl::flat_hash_map<std::string, std::unique_ptr<Entry>> entries_;
  absl::flat_hash_map<std::string, std::vector<const Entry*>> anchors_;
};

}  // namespace kr::cache
