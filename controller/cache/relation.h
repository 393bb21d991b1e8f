#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "controller/cache/key_index.h"
#include "controller/cache/object_table.h"
#include "controller/cache/watch_planner.h"
#include "controller/document/document.h"

namespace kr::cache {

// Takes the join keys of one object: an empty key is none, the same key twice is one.
class KeySink {
 public:
  // More keys of one object than this are left out and counted.
  static constexpr size_t kMaxKeys = 1024;

  void Add(std::string_view key);
  const std::vector<std::string>& keys() const { return keys_; }
  size_t left_out() const { return left_out_; }

 private:
  std::vector<std::string> keys_;
  size_t left_out_ = 0;
};

// Must be pure: the keys of a document are computed again when it is replaced, not remembered.
using KeyFunction = std::function<void(const document::Document&, KeySink&)>;

// "The related objects whose key equals one of the target's."
struct RelationSpec {
  // What it means, in a canonical text: relations that say the same are shared, and functions
  // cannot be compared. For example "OwnedPods", or kinds and expressions.
  std::string canonical;
  Need targets;
  Need related;
  // Both objects must be in the same namespace.
  bool same_namespace = false;
  KeyFunction key;     // of a related object, which may say that it takes no part by no key
  KeyFunction equals;  // of a target
};

// One incremental equi-join with both sides indexed. Objects are numbers here; documents are looked
// up in the ObjectTable. Engine thread only.
class Relation {
 public:
  // `objects` must outlive it.
  Relation(RelationSpec spec, const ObjectTable& objects);

  const RelationSpec& spec() const { return spec_; }

  // A change of an object on either side; `before` and `after` as in StoreObserver. A change of a
  // related object wakes the targets of its old and its new keys, which then come out of Expand.
  void ChangeRelated(ObjectId id, const document::Document* before, const document::Document* after,
                     absl::FunctionRef<void(std::string_view key)> woken);
  void ChangeTarget(ObjectId id, const document::Document* before, const document::Document* after);

  // The related objects of a target, each once, in rising order of their numbers.
  std::vector<document::DocumentPtr> Lookup(const document::Document& target) const;
  // The same in two steps, for targets that no index knows: the second hop, absent objects. Index
  // keys are what Subscriptions take, too.
  std::vector<std::string> KeysOfTarget(const document::Document& target) const;
  std::string IndexKey(std::string_view name_space, std::string_view key) const;
  std::vector<document::DocumentPtr> LookupKeys(std::span<const std::string> index_keys) const;
  // The targets whose `equals` has a key of this related object.
  std::vector<ObjectId> TargetsOf(const document::Document& related) const;

  // Visits targets that were woken, up to `max`; see KeyIndex::Expand.
  size_t Expand(size_t max, absl::FunctionRef<void(ObjectId target)> visit) {
    return targets_.Expand(max, visit);
  }
  bool woken() const { return targets_.woken(); }

  // Keys that were left out because an object had too many.
  uint64_t left_out() const { return left_out_; }
  size_t bytes() const { return related_.bytes() + targets_.bytes(); }

 private:
  // Sorted index keys; none for null and for what the need does not ask for.
  std::vector<std::string> Keys(const Need& need, const KeyFunction& function,
                                const document::Document* object, size_t* left_out = nullptr) const;

  const RelationSpec spec_;
  const ObjectTable& objects_;
  KeyIndex related_;
  KeyIndex targets_;
  uint64_t left_out_ = 0;
};

}  // namespace kr::cache
