#include "controller/document/encoder.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <numeric>
#include <utility>

#include "controller/document/packed_hex.h"
#include "controller/document/packed_time.h"

namespace kr::document {
namespace {

using simdjson::dom::element_type;

constexpr size_t kMaxInterned = 256;  // longer strings are messages, rarely the same twice

}  // namespace

DocumentPtr Encoder::Encode(const simdjson::dom::element& object, Plan& plan) {
  plan_ = &plan;
  StartBlock(object);
  AppendRoot(Value(object, plan.root()));
  if (too_large_) {
    pools_.Release(LastCell());
    FreeBuffers();
    return DocumentPtr();
  }

  void* memory = std::malloc(out_.size());
  if (memory == nullptr) throw std::bad_alloc();
  std::memcpy(memory, out_.data(), out_.size());
  Document* document = new (memory) Document;
  document->refs_ = 1;
  document->size_ = static_cast<uint32_t>(out_.size());
  document->body_ =
      static_cast<uint32_t>((sizeof(Document) + resource_version_.size() + sizeof(Cell) - 1) /
                            sizeof(Cell) * sizeof(Cell));
  document->metadata_ = metadata_;
  document->plan_ = &plan;
  ++plan.documents;
  pools_.Ref();

  if (buffer_bytes() > kMaxIdleBuffer) {
    FreeBuffers();
  }
  return DocumentPtr(document);
}

void Encoder::FreeBuffers() {
  // Assigning empty ones would keep the memory.
  std::string().swap(out_);
  std::vector<Pending>().swap(pending_);
  std::vector<Key>().swap(keys_);
}

void Encoder::StartBlock(const simdjson::dom::element& object) {
  resource_version_ = {};
  metadata_ = 0;
  too_large_ = false;
  inside_shared_ = false;
  out_.assign(sizeof(Document), '\0');
  std::string_view version;
  if (object["metadata"]["resourceVersion"].get(version) == simdjson::SUCCESS &&
      version.size() <= Cell::kMaxTextLength) {
    resource_version_ = version;
    out_ += version;
  }
  Align();
}

Encoder::Pending Encoder::Value(const simdjson::dom::element& value, PlanNode& node) {
  if (out_.size() + pending_.size() * sizeof(Cell) > kMaxBytes) too_large_ = true;
  if (too_large_ || value.is_null()) return {Cell::Of(Simple::kNull)};
  if (node.presence) return {Cell::Of(Simple::kOpaque)};
  const element_type type = value.type();
  Pending pending;
  if (type != element_type::OBJECT && type != element_type::ARRAY) {
    pending = Scalar(value, node);
  } else if (node.share && node.sharing.worthwhile() && !inside_shared_) {
    pending = Shared(value, node);
  } else if (type == element_type::OBJECT) {
    pending = Map(simdjson::dom::object(value), node);
  } else {
    pending = List(simdjson::dom::array(value), node);
  }
  if (node.role == PlanNode::Role::kMetadata) {
    metadata_ = pending.cell.is(Tag::kMap) ? pending.target : 0;
  }
  return pending;
}

Encoder::Pending Encoder::Scalar(const simdjson::dom::element& value, PlanNode& node) {
  switch (value.type()) {
    case element_type::BOOL:
      return {Cell::Of(bool(value) ? Simple::kTrue : Simple::kFalse)};
    case element_type::INT64:
      return Int(int64_t(value));
    case element_type::STRING:
      return String(std::string_view(value), node);
    default: {
      const double number = double(value);  // a uint64 beyond int64, too
      return Boxed(Tag::kDouble, &number);
    }
  }
}

Encoder::Pending Encoder::Boxed(Tag tag, const void* bytes) {
  const uint32_t target = static_cast<uint32_t>(out_.size());
  out_.append(static_cast<const char*>(bytes), sizeof(int64_t));
  return {Cell::Make(tag, 0), target};
}

Encoder::Pending Encoder::Int(int64_t value) {
  if (value < Cell::kMinInt || value > Cell::kMaxInt) return Boxed(Tag::kInt64, &value);
  return {Cell::Make(Tag::kInt, static_cast<uint32_t>(value))};
}

Encoder::Pending Encoder::String(std::string_view text, PlanNode& node) {
  using Role = PlanNode::Role;
  if (node.role == Role::kResourceVersion && text == resource_version_ && !text.empty()) {
    return {Cell::Make(Tag::kText, static_cast<uint32_t>(text.size())), sizeof(Document)};
  }
  if (text.size() <= Cell::kMaxTinyLength) {
    uint32_t payload = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      payload |= uint32_t{static_cast<unsigned char>(text[i])} << (3 + 8 * i);
    }
    return {Cell::Make(Tag::kTiny, payload | static_cast<uint32_t>(text.size()))};
  }
  if (node.role == Role::kPlain) {
    if (const auto time = PackedTime::Parse(text)) {
      if (const auto seconds = time->Seconds()) return {Cell::Seconds(*seconds)};
      const int64_t boxed = time->Boxed();
      return Boxed(Tag::kTime, &boxed);
    }
  }
  if (node.intern && text.size() <= kMaxInterned && node.strings.worthwhile() &&
      !pools_.strings.full()) {
    if (pools_.strings.RefIfEqual(node.last_interned, text)) {
      node.strings.Count(true);
    } else {
      const BlobPool::Interned interned = pools_.strings.Intern(text);
      node.strings.Count(interned.hit);
      node.last_interned = interned.id;
    }
    return {Cell::Make(Tag::kInterned, node.last_interned)};
  }
  if (const size_t digits = node.role == Role::kPlain ? PackableHexDigits(text) : 0; digits > 0) {
    const uint32_t target = static_cast<uint32_t>(out_.size());
    AppendPackedHex(text, digits, out_);
    return {Cell::Make(Tag::kHex, 0), target};
  }
  return Text(text);
}

Encoder::Pending Encoder::Text(std::string_view text) {
  const uint32_t size = static_cast<uint32_t>(text.size());
  const uint32_t target = static_cast<uint32_t>(out_.size());
  if (text.size() > kMaxBytes) {
    too_large_ = true;
    return {Cell::Of(Simple::kNull)};
  }
  if (text.size() <= Cell::kMaxTextLength) {
    out_ += text;
    return {Cell::Make(Tag::kText, size), target};
  }
  out_.append(reinterpret_cast<const char*>(&size), sizeof(size));
  out_ += text;
  return {Cell::Make(Tag::kLongText, 0), target};
}

Encoder::Pending Encoder::List(const simdjson::dom::array& list, PlanNode& node) {
  const size_t first = pending_.size();
  PlanNode* element = plan_->Element(node);
  for (const simdjson::dom::element& value : list) {
    const Pending pending =
        element != nullptr ? Value(value, *element) : Pending{Cell::Of(Simple::kUnprojected)};
    pending_.push_back(pending);
  }
  const size_t count = pending_.size() - first;
  if (count == 0) return {Cell::Of(Simple::kEmptyList)};
  return Block(Tag::kList, static_cast<uint32_t>(count), first, {});
}

Encoder::Pending Encoder::Map(const simdjson::dom::object& map, PlanNode& node) {
  const size_t first = pending_.size();
  const size_t first_key = keys_.size();
  uint32_t hint = 0;
  for (const simdjson::dom::key_value_pair& field : map) {
    const Plan::Found found = plan_->Field(node, field.key, hint);
    if (found.index != Plan::kNoIndex) hint = found.index + 1;
    if (found.node == nullptr) continue;
    const Pending pending = Value(field.value, *found.node);
    pending_.push_back(pending);
    keys_.push_back({found.index, field.key});
  }
  if (pending_.size() == first) return {Cell::Of(Simple::kEmptyMap)};
  std::span<const uint32_t> order;
  const uint32_t shape = Shape(node, first_key, order);
  const Pending pending = Block(Tag::kMap, shape, first, order);
  keys_.resize(first_key);
  return pending;
}

uint32_t Encoder::Shape(PlanNode& node, size_t first_key, std::span<const uint32_t>& order) {
  const std::span<const Key> keys(keys_.begin() + static_cast<ptrdiff_t>(first_key), keys_.end());
  for (const PlanNode::KnownMap& known : node.known_maps) {
    if (std::equal(keys.begin(), keys.end(), known.sequence.begin(), known.sequence.end(),
                   [](const Key& key, uint32_t index) { return key.index == index; }) &&
        pools_.shapes.RefIfAlive(known.shape)) {
      order = known.order;
      return known.shape.id;
    }
  }
  return NewShape(node, first_key, order);
}

uint32_t Encoder::NewShape(PlanNode& node, size_t first_key, std::span<const uint32_t>& order) {
  const std::span<const Key> keys(keys_.begin() + static_cast<ptrdiff_t>(first_key), keys_.end());
  order_.resize(keys.size());
  std::iota(order_.begin(), order_.end(), 0U);
  std::stable_sort(order_.begin(), order_.end(),
                   [keys](uint32_t a, uint32_t b) { return keys[a].text < keys[b].text; });
  // The last one of equal keys wins, as in Go.
  const size_t first = pending_.size() - keys.size();
  size_t kept = 0;
  for (size_t i = 0; i < order_.size(); ++i) {
    if (i + 1 < order_.size() && keys[order_[i]].text == keys[order_[i + 1]].text) {
      Discard(pending_[first + order_[i]]);
    } else {
      order_[kept++] = order_[i];
    }
  }
  const bool duplicates = kept < order_.size();
  order_.resize(kept);
  std::vector<std::string_view> sorted;
  sorted.reserve(kept);
  for (const uint32_t i : order_) sorted.push_back(keys[i].text);
  const ShapePool::Ticket shape = pools_.shapes.Intern(sorted);
  order = order_;

  const bool all_known = std::all_of(keys.begin(), keys.end(),
                                     [](const Key& key) { return key.index != Plan::kNoIndex; });
  if (all_known && !duplicates) {
    PlanNode::KnownMap known{{}, order_, shape};
    for (const Key& key : keys) known.sequence.push_back(key.index);
    plan_->Remember(node, std::move(known));
  }
  return shape.id;
}

Encoder::Pending Encoder::Block(Tag tag, uint32_t word, size_t first,
                                std::span<const uint32_t> order) {
  const size_t count = order.empty() ? pending_.size() - first : order.size();
  const auto source = [&](size_t i) { return first + (order.empty() ? i : order[i]); };
  // A short text that has got too far away, behind a very large sibling, moves here.
  for (size_t i = 0; i < count; ++i) {
    Pending& pending = pending_[source(i)];
    const size_t reach = out_.size() + (count + 2) * sizeof(Cell) - pending.target;
    if (pending.cell.is(Tag::kText) && reach > Cell::kMaxTextDistance) {
      const uint32_t size = pending.cell.payload();
      const uint32_t target = static_cast<uint32_t>(out_.size());
      const std::string text = out_.substr(pending.target, size);
      out_.append(reinterpret_cast<const char*>(&size), sizeof(size));
      out_ += text;
      pending = {Cell::Make(Tag::kLongText, 0), target};
    }
  }
  Align();
  const uint32_t block = static_cast<uint32_t>(out_.size());
  out_.resize(block + (count + 1) * sizeof(Cell));
  Cell* cells = reinterpret_cast<Cell*>(out_.data() + block);
  cells[0].bits = word;
  for (size_t i = 0; i < count; ++i) {
    cells[i + 1] = Place(pending_[source(i)], block + (i + 1) * sizeof(Cell));
  }
  pending_.resize(first);
  return {Cell::Make(tag, 0), block};
}

Encoder::Pending Encoder::Shared(const simdjson::dom::element& value, PlanNode& node) {
  const size_t before = out_.size();
  Align();
  const size_t mark = out_.size();
  // Once it is certain that this place is shared, what lies inside is not shared once more.
  inside_shared_ = node.sharing.settled();
  const Pending own = value.is_object() ? Map(simdjson::dom::object(value), node)
                                        : List(simdjson::dom::array(value), node);
  inside_shared_ = false;
  if (own.target == 0 || pools_.shared.full()) return own;
  AppendRoot(own);
  const BlobPool::Interned interned = pools_.shared.Intern(std::string_view(out_).substr(mark));
  node.sharing.Count(interned.hit, out_.size() - mark);
  if (interned.hit) pools_.Release(LastCell());
  out_.resize(before);
  return {Cell::Make(Tag::kShared, interned.id)};
}

void Encoder::AppendRoot(const Pending& root) {
  Align();
  const Cell cell = Place(root, out_.size());
  out_.append(reinterpret_cast<const char*>(&cell), sizeof(cell));
}

Cell Encoder::Place(const Pending& pending, size_t at) const {
  if (pending.target == 0) return pending.cell;
  const uint32_t distance = static_cast<uint32_t>(at) - pending.target;
  const Tag tag = pending.cell.tag();
  if (tag != Tag::kText) return Cell::Make(tag, distance);
  return Cell::Make(tag, pending.cell.payload() | (distance << Cell::kTextLengthBits));
}

void Encoder::Discard(const Pending& pending) {
  const size_t size = out_.size();
  AppendRoot(pending);
  pools_.Release(LastCell());
  out_.resize(size);
}

}  // namespace kr::document
