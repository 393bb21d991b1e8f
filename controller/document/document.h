#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json_fwd.hpp>

#include "controller/document/projection.h"

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

struct Cell;  // internal, see cell.h

// A view of one value inside a Document. Cheap to copy; valid as long as the Document lives.
class Node {
 public:
  Node() = default;  // kAbsent
  Node(const Cell* cell, const TrieNode* trie) : cell_(cell), trie_(trie) {}

  Kind kind() const;
  bool is_map() const { return kind() == Kind::kMap; }
  bool is_list() const { return kind() == Kind::kList; }
  bool is_string() const { return kind() == Kind::kString; }

  // Each only for its own kind.
  bool AsBool() const;
  int64_t AsInt() const;
  double AsDouble() const;
  // Some strings (timestamps) are stored packed and written out into `scratch`; the view lives as
  // long as both the Document and `scratch` (unchanged).
  std::string_view AsString(std::string& scratch) const;
  std::string AsString() const;

  // True when the whole subtree was kept: only then may a map be iterated or the value be compared,
  // counted or copied as a whole.
  bool Complete() const;

  // Elements of a list, entries of a map; 0 for everything else.
  size_t size() const;
  Node At(size_t index) const;                        // list
  std::string_view KeyAt(size_t index) const;         // map, keys in sorted order
  Node ValueAt(size_t index) const;                   // map
  // The field of a map. kAbsent when the map has none, kUnprojected when the projection does not
  // cover it; of anything that is not a map: kAbsent.
  Node Field(std::string_view key) const;

  // Convenience for code that declared its paths: a string or "" (absent or of another kind).
  std::string StringOr(std::string_view fallback) const;

  nlohmann::json ToJson() const;

 private:
  const Cell* cell_ = nullptr;
  const TrieNode* trie_ = nullptr;
};

class DocumentPtr;

// One object of the API, immutable, in one block of memory: only the projected fields.
// Not thread-safe, reference count included: Documents live on the engine thread.
class Document {
 public:
  Node root() const;
  // root() at a dotted path of plain fields ("metadata.labels").
  Node At(std::string_view dotted_fields) const;

  // Identity, always present ("" where the object has none).
  std::string_view name() const;
  std::string_view name_space() const;
  std::string_view uid() const;
  std::string_view resource_version() const;

  const Projection& projection() const;
  // Equal in everything but resourceVersion, and made with the same projection.
  bool SameBody(const Document& other) const;
  // Bytes of this block (shared nodes and pools not counted).
  size_t bytes() const;

  nlohmann::json ToJson() const { return root().ToJson(); }

 private:
  friend class DocumentPtr;
  friend class Decoder;
  Document() = default;
};

// Shared ownership of a Document; null by default.
class DocumentPtr {
 public:
  DocumentPtr() = default;
  explicit DocumentPtr(Document* adopted) : document_(adopted) {}
  DocumentPtr(const DocumentPtr& other) : document_(other.document_) { Ref(); }
  DocumentPtr(DocumentPtr&& other) noexcept : document_(std::exchange(other.document_, nullptr)) {}
  DocumentPtr& operator=(DocumentPtr other) noexcept {
    std::swap(document_, other.document_);
    return *this;
  }
  ~DocumentPtr() { Unref(); }

  const Document& operator*() const { return *document_; }
  const Document* operator->() const { return document_; }
  const Document* get() const { return document_; }
  explicit operator bool() const { return document_ != nullptr; }
  friend bool operator==(const DocumentPtr& a, const DocumentPtr& b) = default;

 private:
  void Ref() const;
  void Unref();
  Document* document_ = nullptr;
};

}  // namespace kr::document
