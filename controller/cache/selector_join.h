#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "controller/cache/join_index.h"
#include "controller/cache/label_index.h"
#include "controller/cache/selector_set.h"

namespace kr::cache {

// Joins objects that have labels with objects that have selectors of labels. The cost of a change
// depends on what it joins with, not on how many objects or selectors there are.
class SelectorJoin final : public JoinIndex {
 public:
  // Which side has the labels. `labels_of` gives the present ones of an object on that side.
  enum class Selected { kRelated, kTargets };
  SelectorJoin(Selected selected, LabelIndex::LabelsOf labels_of)
      : related_have_labels_(selected == Selected::kRelated), labels_(std::move(labels_of)) {}

  void ChangeRelated(ObjectId id, const JoinSide& before, const JoinSide& after) override;
  void ChangeTarget(ObjectId id, const JoinSide& before, const JoinSide& after) override;
  std::vector<ObjectId> RelatedOf(const JoinSide& target) const override;
  std::vector<ObjectId> TargetsOf(const JoinSide& related) const override;
  size_t Expand(size_t max, absl::FunctionRef<void(ObjectId)> visit) override;
  bool woken() const override { return !woken_.empty(); }
  size_t bytes() const override { return labels_.bytes() + selectors_.bytes(); }

 private:
  // A selector whose targets are to be visited: those that have it, or those that it selects.
  struct Woken {
    std::string key;
    std::string scope;
    crds::LabelSelector selector;
  };

  void ChangeLabels(ObjectId id, const JoinSide& before, const JoinSide& after);
  void ChangeSelectors(ObjectId id, const JoinSide& before, const JoinSide& after);
  std::vector<ObjectId> Having(const JoinSide& labels) const;
  std::vector<ObjectId> SelectedBy(const JoinSide& selectors) const;
  void Wake(std::string_view scope, const crds::LabelSelector& selector);
  std::span<const ObjectId> TargetsOf(const Woken& woken) const;

  const bool related_have_labels_;
  LabelIndex labels_;
  SelectorSet selectors_;
  std::deque<Woken> woken_;
  absl::flat_hash_set<std::string> woken_keys_;
  uint64_t next_ = 0;  // of the front of woken_: the first id that was not visited
};

}  // namespace kr::cache
