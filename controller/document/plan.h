#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "controller/document/projection.h"
#include "controller/document/shape_pool.h"
#include "controller/document/trie.h"

namespace kr::document {

struct Pools;

// How often the values at one place were seen before: decides whether pooling them pays.
class HitRate {
 public:
  static constexpr uint32_t kTrial = 8192;
  static constexpr uint32_t kMinPercent = 30;

  bool worthwhile() const { return seen_ < kTrial || hits_ * 100 >= kTrial * kMinPercent; }
  void Count(bool hit) {
    if (seen_ == kTrial) return;
    ++seen_;
    hits_ += hit ? 1 : 0;
  }

 private:
  uint32_t seen_ = 0;
  uint32_t hits_ = 0;
};

// Whether storing equal subtrees of one place only once pays: what it saved against what the
// entries in the pool cost.
class SharingGain {
 public:
  static constexpr uint32_t kGlance = 256;  // after so many, hopeless places are given up
  static constexpr uint32_t kTrial = 8192;  // after so many, the account decides for good

  // A patient place is not given up after a glance.
  explicit SharingGain(bool patient = false) : patient_(patient) {}

  bool worthwhile() const { return worthwhile_; }
  bool settled() const { return seen_ == kTrial; }
  void Count(bool hit, size_t bytes) {
    if (seen_ == kTrial) return;
    ++seen_;
    hits_ += hit ? 1 : 0;
    gain_ += hit ? static_cast<int64_t>(bytes) : -kEntryBytes;
    if (seen_ == kGlance && !patient_) worthwhile_ = hits_ * 100 >= kGlance * kHopelessPercent;
    if (seen_ == kTrial) worthwhile_ = gain_ > 0;
  }

 private:
  static constexpr uint32_t kHopelessPercent = 10;
  static constexpr int64_t kEntryBytes = 48;  // of the pool: block, slot, id

  bool patient_;
  bool worthwhile_ = true;
  uint32_t seen_ = 0;
  uint32_t hits_ = 0;
  int64_t gain_ = 0;
};

// One place in the objects of a kind: what the projection says about it, and what the decoder has
// learned there, so that the next object costs a few comparisons per key.
struct PlanNode {
  enum class Role : uint8_t { kPlain, kRoot, kMetadata, kIdentity, kResourceVersion };

  std::string key;
  const TrieNode* trie = nullptr;  // null: skipped
  Role role = Role::kPlain;
  bool presence = false;  // keep only whether something is there
  bool intern = true;     // strings may go to the pool
  bool share = false;     // whole lists and maps may go to the pool of shared subtrees
  SharingGain sharing;
  HitRate strings;
  uint32_t last_interned = 0;

  std::vector<std::unique_ptr<PlanNode>> children;        // in the order of their first appearance
  absl::flat_hash_map<std::string_view, uint32_t> index;  // of children, once there are many
  std::unique_ptr<PlanNode> each;

  // Maps seen here: keys in their order of appearance -> shape and order of its cells.
  struct KnownMap {
    std::vector<uint32_t> sequence;  // indexes of children
    std::vector<uint32_t> order;
    ShapePool::Ticket shape;
  };
  std::vector<KnownMap> known_maps;
  size_t next_known_map = 0;
};

// What the decoder knows about objects of one Projection. Bounded, whatever keys the objects have.
class Plan {
 public:
  Plan(Pools& pools, Projection::Ptr projection);

  static constexpr uint32_t kNoIndex = ~0U;
  struct Found {
    PlanNode* node;  // null: skip
    uint32_t index;  // in parent.children; kNoIndex when it was not remembered
  };
  // The place of field `key`; `hint` is the index that it probably has.
  Found Field(PlanNode& parent, std::string_view key, uint32_t hint) {
    if (hint < parent.children.size() && parent.children[hint]->key == key) {
      return Known(parent, hint);
    }
    return Search(parent, key, hint);
  }
  // The place of a list's elements; null: skip.
  PlanNode* Element(PlanNode& parent);
  void Remember(PlanNode& node, PlanNode::KnownMap map);

  PlanNode& root() { return root_; }
  Pools& pools() const { return pools_; }
  const Projection::Ptr& projection() const { return projection_; }

  size_t documents = 0;

 private:
  static Found Known(PlanNode& parent, uint32_t index) {
    PlanNode* node = parent.children[index].get();
    return {node->trie != nullptr ? node : nullptr, index};
  }
  Found Search(PlanNode& parent, std::string_view key, uint32_t hint);
  std::unique_ptr<PlanNode> Make(const PlanNode& parent, std::string_view key,
                                 const TrieNode* trie);

  Pools& pools_;
  Projection::Ptr projection_;
  PlanNode root_;
  PlanNode overflow_;  // everything below a whole place once the plan is full
  size_t nodes_ = 0;
};

}  // namespace kr::document
