#include "controller/document/document.h"

#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "controller/document/cell.h"
#include "controller/document/pools.h"

namespace kr::document {
namespace {

// Equal but for the key `except`, whose presence does not count either.
bool SameMaps(const Node& a, const Node& b, std::string_view except, auto same_value) {
  size_t i = 0;
  size_t j = 0;
  for (;; ++i, ++j) {
    if (i < a.size() && a.KeyAt(i) == except) ++i;
    if (j < b.size() && b.KeyAt(j) == except) ++j;
    if (i == a.size() || j == b.size()) return i == a.size() && j == b.size();
    if (a.KeyAt(i) != b.KeyAt(j)) return false;
    if (!same_value(a.KeyAt(i), a.ValueAt(i), b.ValueAt(j))) return false;
  }
}

bool SameObjects(const Node& a, const Node& b) {
  if (!a.is_map() || !b.is_map()) return Node::Same(a, b);
  const auto same = [](std::string_view, const Node& x, const Node& y) { return Node::Same(x, y); };
  return SameMaps(a, b, {}, [&](std::string_view key, const Node& x, const Node& y) {
    if (key == "metadata" && x.is_map() && y.is_map()) {
      return SameMaps(x, y, "resourceVersion", same);
    }
    return Node::Same(x, y);
  });
}

bool SameProjection(const Projection& a, const Projection& b) {
  return &a == &b || (a.Covers(b) && b.Covers(a));
}

}  // namespace

Node Document::root() const {
  const Cell* cell = reinterpret_cast<const Cell*>(at(size_ - sizeof(Cell)));
  return Node(cell, &plan_->projection()->root(), &plan_->pools());
}

Node Document::At(std::string_view dotted_fields) const {
  Node node = root();
  while (!dotted_fields.empty()) {
    const size_t dot = dotted_fields.find('.');
    node = node.Field(dotted_fields.substr(0, dot));
    dotted_fields.remove_prefix(dot == std::string_view::npos ? dotted_fields.size() : dot + 1);
  }
  return node;
}

std::string_view Document::Identity(int field) const {
  if (metadata_ == 0) return {};
  const Cell* block = reinterpret_cast<const Cell*>(at(metadata_));
  const Shape& shape = plan_->pools().shapes.Get(block->bits);
  const auto index = shape.Find(static_cast<Shape::Identity>(field));
  if (!index) return {};
  const Node node(block + 1 + *index, &TrieNode::Whole(), &plan_->pools());
  std::string never_used;  // identity is never packed
  return node.is_string() ? node.AsString(never_used) : std::string_view();
}

std::string_view Document::name() const {
  return Identity(Shape::kName);
}
std::string_view Document::name_space() const {
  return Identity(Shape::kNamespace);
}
std::string_view Document::uid() const {
  return Identity(Shape::kUid);
}
std::string_view Document::resource_version() const {
  return Identity(Shape::kResourceVersion);
}

const Projection& Document::projection() const {
  return *plan_->projection();
}

bool Document::SameBody(const Document& other) const {
  if (this == &other) return true;
  if (!SameProjection(projection(), other.projection())) return false;
  // Distances are relative, so equal bodies are mostly equal bytes. Not always: what goes to the
  // pools changes with time, and resourceVersion may have got longer.
  const size_t bytes = size_ - body_;
  if (plan_ == other.plan_ && bytes == other.size_ - other.body_ &&
      std::memcmp(at(body_), other.at(other.body_), bytes) == 0) {
    return true;
  }
  return SameObjects(root(), other.root());
}

nlohmann::json Document::ToJson() const {
  return root().ToJson();
}

void Document::Destroy() {
  Pools& pools = plan_->pools();
  pools.Release(reinterpret_cast<const Cell*>(at(size_ - sizeof(Cell))));
  --plan_->documents;
  std::free(this);
  pools.Unref();
}

}  // namespace kr::document
