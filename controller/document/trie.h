#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/document/path.h"

namespace kr::document {

// One place of a Projection. A node without `whole`, children and `each` keeps only presence.
//
// Normal form, which lookups rely on: a whole node has no children (but for dropped ones), and a
// child next to `each` already contains what `each` keeps.
struct TrieNode {
  bool whole = false;    // everything below is kept
  bool dropped = false;  // nothing is kept, although the parent is whole (managedFields)
  std::vector<std::pair<std::string, std::unique_ptr<TrieNode>>> children;  // sorted
  std::unique_ptr<TrieNode> each;  // elements of a list, all other keys of a map

  // What is kept of the field `key`, of a list's elements; null when nothing is.
  const TrieNode* Field(std::string_view key) const;
  const TrieNode* Element() const;
  // All keys of a map here are kept.
  bool open() const { return whole || each != nullptr; }

  // Building; Normalize() afterwards.
  void Add(const Path& path);
  TrieNode& Child(std::string_view key);
  void Merge(const TrieNode& other);
  void Normalize();

  // `this` keeps all that `other` keeps; both in normal form.
  bool Covers(const TrieNode& other) const;

  // A whole node without exceptions.
  static const TrieNode& Whole();
  // The trie of a Node that lies outside the projection.
  static const TrieNode& Outside();
};

}  // namespace kr::document
