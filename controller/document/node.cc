#include "controller/document/node.h"

#include <nlohmann/json.hpp>

#include "controller/document/cell.h"
#include "controller/document/packed_hex.h"
#include "controller/document/packed_time.h"
#include "controller/document/pools.h"
#include "controller/document/trie.h"

namespace kr::document {

Node::Node(const Cell* cell, const TrieNode* trie, const Pools* pools)
    : cell_(cell), trie_(trie), pools_(pools) {
  if (cell->is(Tag::kShared)) cell_ = pools->SharedRoot(cell->payload());
  if (trie == nullptr || (cell->is(Tag::kSimple) && cell->simple() == Simple::kUnprojected)) {
    *this = Outside();
  }
}

Node Node::Outside() {
  Node node;
  node.trie_ = &TrieNode::Outside();
  return node;
}

Kind Node::kind() const {
  if (cell_ == nullptr) return trie_ == nullptr ? Kind::kAbsent : Kind::kUnprojected;
  if (cell_->is_seconds()) return Kind::kString;
  switch (cell_->tag()) {
    case Tag::kSimple:
      switch (cell_->simple()) {
        case Simple::kNull:
          return Kind::kNull;
        case Simple::kFalse:
        case Simple::kTrue:
          return Kind::kBool;
        case Simple::kOpaque:
          return Kind::kOpaque;
        case Simple::kUnprojected:
          return Kind::kUnprojected;
        case Simple::kEmptyList:
          return Kind::kList;
        case Simple::kEmptyMap:
          return Kind::kMap;
      }
      break;
    case Tag::kInt:
    case Tag::kInt64:
      return Kind::kInt;
    case Tag::kDouble:
      return Kind::kDouble;
    case Tag::kTiny:
    case Tag::kText:
    case Tag::kLongText:
    case Tag::kInterned:
    case Tag::kTime:
    case Tag::kHex:
      return Kind::kString;
    case Tag::kList:
      return Kind::kList;
    case Tag::kMap:
      return Kind::kMap;
    case Tag::kShared:
      break;  // the constructor looked through
  }
  return Kind::kAbsent;
}

bool Node::AsBool() const {
  return cell_->simple() == Simple::kTrue;
}

int64_t Node::AsInt() const {
  return cell_->is(Tag::kInt) ? cell_->small_int() : cell_->Load<int64_t>();
}

double Node::AsDouble() const {
  return cell_->Load<double>();
}

std::string_view Node::AsString(std::string& scratch) const {
  if (cell_->is_seconds()) {
    PackedTime::FromSeconds(cell_->seconds()).Write(scratch);
    return scratch;
  }
  switch (cell_->tag()) {
    case Tag::kTiny:
      return cell_->Tiny();
    case Tag::kText:
      return cell_->Text();
    case Tag::kLongText:
      return cell_->LongText();
    case Tag::kInterned:
      return pools_->strings.Get(cell_->payload());
    case Tag::kHex:
      WritePackedHex(cell_->Bytes(cell_->payload()), scratch);
      return scratch;
    default:
      PackedTime::FromBoxed(cell_->Load<int64_t>()).Write(scratch);
      return scratch;
  }
}

std::string Node::AsString() const {
  std::string scratch;
  return std::string(AsString(scratch));
}

std::string Node::StringOr(std::string_view fallback) const {
  return is_string() ? AsString() : std::string(fallback);
}

bool Node::Complete() const {
  switch (kind()) {
    case Kind::kUnprojected:
    case Kind::kOpaque:
      return false;
    case Kind::kList:
    case Kind::kMap:
      return trie_->whole;
    default:
      return true;
  }
}

bool Node::Iterable() const {
  return is_list() || (is_map() && trie_->open());
}

size_t Node::size() const {
  if (cell_ == nullptr) return 0;
  if (cell_->is(Tag::kList)) return cell_->Block()->bits;
  if (cell_->is(Tag::kMap)) return pools_->shapes.Get(cell_->Block()->bits).size();
  return 0;
}

Node Node::At(size_t index) const {
  return Node(cell_->Block() + 1 + index, trie_->Element(), pools_);
}

std::string_view Node::KeyAt(size_t index) const {
  return pools_->shapes.Get(cell_->Block()->bits).key(index);
}

Node Node::ValueAt(size_t index) const {
  return Node(cell_->Block() + 1 + index, trie_->Field(KeyAt(index)), pools_);
}

Node Node::Field(std::string_view key) const {
  switch (kind()) {
    case Kind::kOpaque:
    case Kind::kUnprojected:
      return Outside();
    case Kind::kMap:
      break;
    default:
      return Node();
  }
  const TrieNode* trie = trie_->Field(key);
  if (trie == nullptr) return Outside();
  if (!cell_->is(Tag::kMap)) return Node();
  const Cell* block = cell_->Block();
  const auto index = pools_->shapes.Get(block->bits).Find(key);
  return index ? Node(block + 1 + *index, trie, pools_) : Node();
}

nlohmann::json Node::ToJson() const {
  switch (kind()) {
    case Kind::kBool:
      return AsBool();
    case Kind::kInt:
      return AsInt();
    case Kind::kDouble:
      return AsDouble();
    case Kind::kString:
      return AsString();
    case Kind::kOpaque:
      return "(present)";
    case Kind::kList: {
      nlohmann::json list = nlohmann::json::array();
      for (size_t i = 0; i < size(); ++i) list.push_back(At(i).ToJson());
      return list;
    }
    case Kind::kMap: {
      nlohmann::json map = nlohmann::json::object();
      for (size_t i = 0; i < size(); ++i) {
        map.emplace(std::string(KeyAt(i)), ValueAt(i).ToJson());
      }
      return map;
    }
    default:
      return nullptr;
  }
}

bool Node::Same(const Node& a, const Node& b) {
  if (a.cell_ == b.cell_ && a.cell_ != nullptr) return true;
  const Kind kind = a.kind();
  if (kind != b.kind()) return false;
  switch (kind) {
    case Kind::kBool:
      return a.AsBool() == b.AsBool();
    case Kind::kInt:
      return a.AsInt() == b.AsInt();
    case Kind::kDouble:
      return a.AsDouble() == b.AsDouble();
    case Kind::kString: {
      std::string scratch_a;
      std::string scratch_b;
      return a.AsString(scratch_a) == b.AsString(scratch_b);
    }
    case Kind::kList: {
      if (a.size() != b.size()) return false;
      for (size_t i = 0; i < a.size(); ++i) {
        if (!Same(a.At(i), b.At(i))) return false;
      }
      return true;
    }
    case Kind::kMap: {
      if (a.size() != b.size()) return false;
      for (size_t i = 0; i < a.size(); ++i) {
        if (a.KeyAt(i) != b.KeyAt(i) || !Same(a.ValueAt(i), b.ValueAt(i))) return false;
      }
      return true;
    }
    default:
      return true;
  }
}

}  // namespace kr::document
