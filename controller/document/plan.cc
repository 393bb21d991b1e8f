#include "controller/document/plan.h"

#include <algorithm>
#include <array>
#include <utility>

namespace kr::document {
namespace {

constexpr size_t kMaxNodes = 8192;
constexpr size_t kMaxChildren = 128;
constexpr size_t kScan = 8;  // children up to here are searched in a row
constexpr size_t kMaxKnownMaps = 8;

bool IsOneOf(std::string_view key, std::initializer_list<std::string_view> keys) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

// Values that are (nearly) unique by nature are not even tried.
bool IsUnique(std::string_view key) {
  return key.ends_with("IP") || key.ends_with("IPs") ||
         IsOneOf(key, {"ip", "ips", "uid", "containerID", "resourceVersion"});
}

PlanNode::Role RoleOf(const PlanNode& parent, std::string_view key) {
  using Role = PlanNode::Role;
  if (parent.role == Role::kRoot && key == "metadata") return Role::kMetadata;
  if (parent.role == Role::kMetadata) {
    if (key == "resourceVersion") return Role::kResourceVersion;
    if (IsOneOf(key, {"name", "namespace", "uid"})) return Role::kIdentity;
  }
  return Role::kPlain;
}

void SetTrie(PlanNode& node, const TrieNode* trie) {
  node.trie = trie;
  node.presence = trie != nullptr && !trie->open() && trie->children.empty();
}

}  // namespace

Plan::Plan(Pools& pools, Projection::Ptr projection)
    : pools_(pools), projection_(std::move(projection)) {
  root_.role = PlanNode::Role::kRoot;
  SetTrie(root_, &projection_->root());
  SetTrie(overflow_, &TrieNode::Whole());
}

std::unique_ptr<PlanNode> Plan::Make(const PlanNode& parent, std::string_view key,
                                     const TrieNode* trie) {
  auto node = std::make_unique<PlanNode>();
  ++nodes_;
  node->key = key;
  SetTrie(*node, trie);
  node->role = RoleOf(parent, key);
  node->share = node->role == PlanNode::Role::kPlain && !node->presence;
  node->sharing = SharingGain(parent.role == PlanNode::Role::kMetadata &&
                              IsOneOf(key, {"labels", "ownerReferences"}));
  node->intern = parent.intern && !IsUnique(key) &&
                 !(node->role == PlanNode::Role::kIdentity && key == "name");
  return node;
}

Plan::Found Plan::Search(PlanNode& parent, std::string_view key, uint32_t hint) {
  // Optional fields are missing now and then: look a little further ahead.
  const uint32_t count = static_cast<uint32_t>(parent.children.size());
  for (uint32_t i = hint + 1; i < std::min(hint + 4, count); ++i) {
    if (parent.children[i]->key == key) return Known(parent, i);
  }
  if (count <= kScan) {
    for (uint32_t i = 0; i < count; ++i) {
      if (parent.children[i]->key == key) return Known(parent, i);
    }
  } else if (const auto at = parent.index.find(key); at != parent.index.end()) {
    return Known(parent, at->second);
  }

  const TrieNode* trie = parent.trie->Field(key);
  const TrieNode* rest = parent.trie->Element();
  const bool room = count < kMaxChildren && nodes_ < kMaxNodes;
  if (trie == rest && !room) return {Element(parent), kNoIndex};
  if (trie == nullptr && !room) return {nullptr, kNoIndex};
  parent.children.push_back(Make(parent, key, trie));
  if (count == kScan) {
    for (uint32_t i = 0; i < count; ++i) parent.index.emplace(parent.children[i]->key, i);
  }
  if (count >= kScan) parent.index.emplace(parent.children.back()->key, count);
  return Known(parent, count);
}

PlanNode* Plan::Element(PlanNode& parent) {
  if (parent.each) return parent.each.get();
  const TrieNode* trie = parent.trie->Element();
  if (trie == nullptr) return nullptr;
  if (trie == &TrieNode::Whole() && nodes_ >= kMaxNodes) return &overflow_;
  parent.each = Make(parent, "", trie);
  parent.each->intern = parent.intern && !IsUnique(parent.key);
  return parent.each.get();
}

void Plan::Remember(PlanNode& node, PlanNode::KnownMap map) {
  if (node.known_maps.size() < kMaxKnownMaps) {
    node.known_maps.push_back(std::move(map));
    return;
  }
  node.known_maps[node.next_known_map] = std::move(map);
  node.next_known_map = (node.next_known_map + 1) % kMaxKnownMaps;
}

}  // namespace kr::document
