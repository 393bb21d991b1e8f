#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "controller/cache/join_index.h"
#include "controller/cache/object_table.h"
#include "controller/cache/watch_planner.h"
#include "controller/document/document.h"

namespace kr::cache {

// How the two sides of a relation belong together.
enum class JoinKind : uint8_t {
  kEqualKeys,        // a key of the one is a key of the other
  kRelatedSelected,  // related objects have labels, targets have selectors of them
  kTargetsSelected,  // the other way round
};

// Takes what one object brings to a relation: keys, or labels, or selectors.
class KeySink {
 public:
  // More keys or selectors of one object than this are left out and counted.
  static constexpr size_t kMaxKeys = 1024;

  // An empty key is none, the same key twice is one.
  void Add(std::string_view key);
  void AddSelector(crds::LabelSelector selector);
  // Without labels, even empty ones, an object is not selected by anything.
  void SetLabels(Labels labels) { labels_ = std::move(labels); }

  const std::vector<std::string>& keys() const { return keys_; }
  std::vector<std::string> TakeKeys() && { return std::move(keys_); }
  const std::vector<crds::LabelSelector>& selectors() const { return selectors_; }
  const std::optional<Labels>& labels() const { return labels_; }
  size_t left_out() const { return left_out_; }

 private:
  std::vector<std::string> keys_;
  std::vector<crds::LabelSelector> selectors_;
  std::optional<Labels> labels_;
  size_t left_out_ = 0;
};

// Whether two objects join, by what they bring; for whoever has no index. Namespaces aside.
bool Joined(JoinKind kind, const KeySink& related, const KeySink& target);

// Must be pure: the keys of a document are computed again when it is replaced, not remembered.
using KeyFunction = std::function<void(const document::Document&, KeySink&)>;

// "The related objects that belong to a target."
struct RelationSpec {
  // What it means, in a canonical text: relations that say the same are shared, and functions
  // cannot be compared. For example "OwnedPods", or kinds and expressions.
  std::string canonical;
  Need targets;
  Need related;
  JoinKind kind = JoinKind::kEqualKeys;
  // Both objects must be in the same namespace.
  bool same_namespace = false;
  KeyFunction key;  // of a related object, which may say that it takes no part by giving nothing
  // Of a target. Null: it takes more than the target to know, so somebody says it (SetTarget).
  KeyFunction equals;
};

// One incremental join with both sides indexed. Objects are numbers here; documents are looked up
// in the ObjectTable. Engine thread only.
class Relation {
 public:
  // `objects` must outlive it.
  Relation(RelationSpec spec, const ObjectTable& objects);

  const RelationSpec& spec() const { return spec_; }

  // A change of an object on either side; `before` and `after` as in StoreObserver. A change of a
  // related object wakes the targets that it joined before or joins now: they come out of Expand.
  void ChangeRelated(ObjectId id, const document::Document* before,
                     const document::Document* after);
  void ChangeTarget(ObjectId id, const document::Document* before, const document::Document* after);
  // The same for a relation without `equals`; an empty sink ends it.
  void SetTarget(ObjectId id, std::string_view name_space, const KeySink& keys);
  void ClearTargets();

  // The related objects of a target, each once, in rising order of their numbers.
  std::vector<document::DocumentPtr> Lookup(const document::Document& target) const;
  std::vector<document::DocumentPtr> Lookup(std::string_view name_space, const KeySink& keys) const;
  // The targets that a related object joins.
  std::vector<ObjectId> TargetsOf(const document::Document& related) const;

  // Visits targets that were woken, up to `max`; see JoinIndex::Expand.
  size_t Expand(size_t max, absl::FunctionRef<void(ObjectId target)> visit) {
    return index_->Expand(max, visit);
  }
  bool woken() const { return index_->woken(); }

  // Keys that were left out because an object had too many.
  uint64_t left_out() const { return left_out_; }
  size_t bytes() const { return index_->bytes(); }

 private:
  // Nothing for null and for what the need does not ask for.
  JoinSide SideOf(const Need& need, const KeyFunction& function, const document::Document* object,
                  size_t* left_out = nullptr) const;
  JoinSide Side(std::string_view name_space, KeySink sink) const;
  std::optional<Labels> LabelsOf(ObjectId id) const;
  std::vector<document::DocumentPtr> Documents(const std::vector<ObjectId>& ids) const;

  const RelationSpec spec_;
  const ObjectTable& objects_;
  std::unique_ptr<JoinIndex> index_;
  absl::flat_hash_map<ObjectId, JoinSide> said_;  // by SetTarget
  uint64_t left_out_ = 0;
};

}  // namespace kr::cache
