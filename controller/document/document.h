#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include <nlohmann/json_fwd.hpp>

#include "controller/document/node.h"
#include "controller/document/projection.h"

namespace kr::document {

class Encoder;  // internal, see encoder.h
class Plan;     // internal, see plan.h

// One object of the API, immutable, in one block of memory: only the projected fields.
// Not thread-safe, reference count included: Documents live on the engine thread.
class Document {
 public:
  Node root() const;
  // root() at a dotted path of plain fields ("metadata.labels").
  Node At(std::string_view dotted_fields) const;

  // Identity, always present ("" where the object has none). O(1).
  std::string_view name() const;
  std::string_view name_space() const;
  std::string_view uid() const;
  std::string_view resource_version() const;

  const Projection& projection() const;
  // Equal in everything but resourceVersion, and made with the same projection.
  bool SameBody(const Document& other) const;
  // Bytes of this block (shared nodes and pools not counted).
  size_t bytes() const { return size_; }

  nlohmann::json ToJson() const;

 private:
  friend class DocumentPtr;
  friend class Encoder;
  Document() = default;
  const char* at(size_t offset) const { return reinterpret_cast<const char*>(this) + offset; }
  std::string_view Identity(int field) const;
  void Destroy();

  // The block: these fields, the text of resourceVersion, the body with the root cell at its end.
  uint32_t refs_ = 0;
  uint32_t size_ = 0;      // of the block
  uint32_t body_ = 0;      // offset
  uint32_t metadata_ = 0;  // offset of the block of that map; 0 when there is none
  Plan* plan_ = nullptr;
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
  void Ref() const {
    if (document_ != nullptr) ++document_->refs_;
  }
  void Unref() {
    if (document_ != nullptr && --document_->refs_ == 0) document_->Destroy();
  }
  Document* document_ = nullptr;
};

}  // namespace kr::document
