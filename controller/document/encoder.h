#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <simdjson.h>

#include "controller/document/cell.h"
#include "controller/document/document.h"
#include "controller/document/plan.h"
#include "controller/document/pools.h"

namespace kr::document {

// Writes one parsed JSON value as a Document: depth first, what a block refers to before the block.
// Keeps its buffers from object to object. Engine thread only.
class Encoder {
 public:
  // Nothing larger becomes a Document (API servers stop at about 3 MiB).
  static constexpr size_t kMaxBytes = 32 << 20;

  // Buffers that one huge object needed are given back.
  static constexpr size_t kMaxIdleBuffer = 512 << 10;

  explicit Encoder(Pools& pools) : pools_(pools) {}

  // Null when the object is too large.
  DocumentPtr Encode(const simdjson::dom::element& object, Plan& plan);
  size_t buffer_bytes() const {
    return out_.capacity() + pending_.capacity() * sizeof(Pending) + keys_.capacity() * sizeof(Key);
  }

 private:
  // A cell whose place, from which distances count, is not yet known.
  struct Pending {
    Cell cell;
    uint32_t target = 0;  // offset in out_; 0 when the cell refers to nothing there
  };

  struct Key {
    uint32_t index;  // in the plan
    std::string_view text;
  };

  Pending Value(const simdjson::dom::element& value, PlanNode& node);
  Pending Scalar(const simdjson::dom::element& value, PlanNode& node);
  Pending Int(int64_t value);
  Pending String(std::string_view text, PlanNode& node);
  Pending Text(std::string_view text);
  Pending List(const simdjson::dom::array& list, PlanNode& node);
  Pending Map(const simdjson::dom::object& map, PlanNode& node);
  Pending Shared(const simdjson::dom::element& value, PlanNode& node);
  Pending Boxed(Tag tag, const void* bytes);

  // The pending cells from `first` on as a block, in the order given (empty: as they are).
  Pending Block(Tag tag, uint32_t word, size_t first, std::span<const uint32_t> order);
  // The shape of the keys from `first_key` on, with a reference, and the order it wants the cells
  // in.
  uint32_t Shape(PlanNode& node, size_t first_key, std::span<const uint32_t>& order);
  uint32_t NewShape(PlanNode& node, size_t first_key, std::span<const uint32_t>& order);
  void AppendRoot(const Pending& root);
  Cell Place(const Pending& pending, size_t at) const;
  const Cell* LastCell() const {
    return reinterpret_cast<const Cell*>(out_.data() + out_.size() - sizeof(Cell));
  }
  void Align() { out_.append(-out_.size() % sizeof(Cell), '\0'); }
  void Discard(const Pending& pending);
  void FreeBuffers();
  void StartBlock(const simdjson::dom::element& object);

  Pools& pools_;
  Plan* plan_ = nullptr;  // of the object in work
  std::string out_;
  std::vector<Pending> pending_;
  std::vector<Key> keys_;  // of the maps in work; one for each pending cell of a map
  std::vector<uint32_t> order_;
  std::string_view resource_version_;  // stands before the body
  uint32_t metadata_ = 0;
  bool too_large_ = false;
  bool inside_shared_ = false;
};

}  // namespace kr::document
