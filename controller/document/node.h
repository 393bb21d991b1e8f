#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace kr::document {

enum class Kind : uint8_t {
  kAbsent,       // the object has no such field
  kUnprojected,  // nobody declared that this is read: no verdict may rest on it
  kOpaque,       // something that is not null is there, but only its presence was kept
  kNull,
  kBool,
  kInt,
  kDouble,
  kString,
  kList,
  kMap,
};

struct Cell;      // internal, see cell.h
struct Pools;     // internal, see pools.h
struct TrieNode;  // internal, see trie.h

// A view of one value inside a Document. Cheap to copy; valid as long as the Document lives.
class Node {
 public:
  Node() = default;  // kAbsent

  Kind kind() const;
  bool is_map() const { return kind() == Kind::kMap; }
  bool is_list() const { return kind() == Kind::kList; }
  bool is_string() const { return kind() == Kind::kString; }

  // Each only for its own kind.
  bool AsBool() const;
  int64_t AsInt() const;
  double AsDouble() const;
  // Some strings (timestamps, container ids) are stored packed and written out into `scratch`; the
  // view lives as long as both the Document and `scratch` (unchanged).
  std::string_view AsString(std::string& scratch) const;
  std::string AsString() const;

  // True when the whole subtree was kept: only then may a map be iterated or the value be compared,
  // counted or copied as a whole. Scalars and absent fields are always complete, what is opaque or
  // unprojected never. Of a whole object only metadata.managedFields is missing.
  bool Complete() const;
  // True when all elements of a list, all keys of a map are there, though their values may be
  // projected: it may be iterated and counted. False for everything else.
  bool Iterable() const;

  // Elements of a list, entries of a map; 0 for everything else. A list always has all its
  // elements, unprojected ones if need be; a map that is not Iterable has only some of its entries.
  size_t size() const;
  Node At(size_t index) const;                 // list
  std::string_view KeyAt(size_t index) const;  // map, keys in sorted order
  Node ValueAt(size_t index) const;            // map
  // The field of a map. kAbsent when the map has none, kUnprojected when the projection does not
  // cover it; of an opaque or unprojected value: kUnprojected; of anything else: kAbsent.
  Node Field(std::string_view key) const;

  // Convenience for code that declared its paths: a string, or `fallback` (absent or of another
  // kind).
  std::string StringOr(std::string_view fallback) const;

  // What was kept. An opaque value reads "(present)".
  nlohmann::json ToJson() const;

  // Deep equality of what was kept: kinds, keys and values; 3 is not 3.0.
  static bool Same(const Node& a, const Node& b);

 private:
  friend class Document;
  // Looks through shared subtrees.
  Node(const Cell* cell, const TrieNode* trie, const Pools* pools);
  static Node Outside();

  const Cell* cell_ = nullptr;  // null: absent, or unprojected when trie_ is the outside one
  const TrieNode* trie_ = nullptr;
  const Pools* pools_ = nullptr;
};

}  // namespace kr::document
