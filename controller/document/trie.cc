#include "controller/document/trie.h"

#include <algorithm>

namespace kr::document {
const TrieNode* TrieNode::Field(std::string_view key) const {
  // Few children: comparing lengths first beats a binary search.
  for (const auto& [name, child] : children) {
    if (name == key) return child->dropped ? nullptr : child.get();
  }
  return Element();
}

const TrieNode* TrieNode::Element() const {
  return whole ? &Whole() : each.get();
}

void TrieNode::Add(const Path& path) {
  TrieNode* node = this;
  for (const Step& step : path.steps) {
    if (step.kind == Step::Kind::kField) {
      node = &node->Child(step.field);
    } else {
      if (!node->each) node->each = std::make_unique<TrieNode>();
      node = node->each.get();
    }
  }
  if (path.depth == Depth::kValue) node->whole = true;
}

TrieNode& TrieNode::Child(std::string_view key) {
  auto at = std::lower_bound(children.begin(), children.end(), key,
                             [](const auto& child, std::string_view k) { return child.first < k; });
  if (at == children.end() || at->first != key) {
    at = children.emplace(at, std::string(key), std::make_unique<TrieNode>());
  }
  return *at->second;
}

void TrieNode::Merge(const TrieNode& other) {
  whole = whole || other.whole;
  for (const auto& [key, child] : other.children) Child(key).Merge(*child);
  if (other.each) {
    if (!each) each = std::make_unique<TrieNode>();
    each->Merge(*other.each);
  }
}

void TrieNode::Normalize() {
  if (whole) {
    children.clear();
    each.reset();
    return;
  }
  if (each) {
    for (auto& [key, child] : children) child->Merge(*each);
    each->Normalize();
  }
  for (auto& [key, child] : children) child->Normalize();
  if (each) {
    // What `each` already says need not be said again.
    std::erase_if(children, [this](const auto& child) { return each->Covers(*child.second); });
  }
}

bool TrieNode::Covers(const TrieNode& other) const {
  if (whole) return true;
  if (other.whole) return false;
  if (other.each && (!each || !each->Covers(*other.each))) return false;
  return std::all_of(other.children.begin(), other.children.end(), [this](const auto& child) {
    if (child.second->dropped) return true;
    const TrieNode* mine = Field(child.first);
    return mine != nullptr && mine->Covers(*child.second);
  });
}

const TrieNode& TrieNode::Whole() {
  static const TrieNode node = [] {
    TrieNode n;
    n.whole = true;
    return n;
  }();
  return node;
}

const TrieNode& TrieNode::Outside() {
  static const TrieNode node;
  return node;
}

}  // namespace kr::document
