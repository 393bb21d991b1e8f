#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "controller/cache/key_index.h"

namespace kr::cache {

// One lookup that an evaluation made: a key of a relation (Relation::IndexKey).
struct RelationLookup {
  uint32_t relation = 0;  // RelationSet's number
  std::string key;
  friend auto operator<=>(const RelationLookup&, const RelationLookup&) = default;
};

// Joins that cannot be indexed beforehand (the related of the related, absent targets): whoever was
// evaluated is woken by exactly the keys that its last evaluation looked up. Engine thread only.
class Subscriptions {
 public:
  using SubscriberId = uint32_t;

  // Replaces what `subscriber` is woken by; only the difference costs anything. Empty ends it.
  void Set(SubscriberId subscriber, std::vector<RelationLookup> lookups);

  // Something changed under this key.
  void Wake(uint32_t relation, std::string_view key);
  // Visits woken subscribers, up to `max`; see KeyIndex::Expand.
  size_t Expand(size_t max, absl::FunctionRef<void(SubscriberId)> visit) {
    return index_.Expand(max, visit);
  }
  bool woken() const { return index_.woken(); }

  size_t subscribers() const { return lookups_.size(); }

 private:
  KeyIndex index_;
  absl::flat_hash_map<SubscriberId, std::vector<RelationLookup>> lookups_;
};

}  // namespace kr::cache
