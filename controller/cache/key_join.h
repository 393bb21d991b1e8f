#pragma once

#include "controller/cache/join_index.h"
#include "controller/cache/key_index.h"

namespace kr::cache {

// Joins objects that have a key in common.
class KeyJoin final : public JoinIndex {
 public:
  void ChangeRelated(ObjectId id, const JoinSide& before, const JoinSide& after) override;
  void ChangeTarget(ObjectId id, const JoinSide& before, const JoinSide& after) override;
  std::vector<ObjectId> RelatedOf(const JoinSide& target) const override;
  std::vector<ObjectId> TargetsOf(const JoinSide& related) const override;
  size_t Expand(size_t max, absl::FunctionRef<void(ObjectId)> visit) override {
    return targets_.Expand(max, visit);
  }
  bool woken() const override { return targets_.woken(); }
  size_t bytes() const override { return related_.bytes() + targets_.bytes(); }

 private:
  KeyIndex related_;
  KeyIndex targets_;
};

}  // namespace kr::cache
