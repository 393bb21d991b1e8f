#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "controller/cache/informer_set.h"
#include "controller/cache/relation.h"

namespace kr::cache {

// A relation in use. Whoever holds it may say the targets of one that has no `equals`.
using RelationHandle = std::shared_ptr<Relation>;

// All relations, each kept once however many policies say it, fed by the informers that serve its
// two needs. Engine thread only.
//
// The owner hands on what an InformerObserver hears: OnChange, and OnViewsChanged as Rebind, as
// other informers may serve a need from then on.
class RelationSet {
 public:
  // Both must outlive it.
  RelationSet(const ObjectTable& objects, const InformerSet& informers);

  // The relation of that canonical text; its functions count only the first time. It lives as long
  // as somebody holds a handle (and until the next Rebind). Filled by Rebind.
  // Between two Rebinds all users ask, each with its projections: it is fed by what serves them
  // all.
  RelationHandle Get(const RelationSpec& spec);
  // Fills and empties relations so that they hold what the serving informers hold. Everything that
  // this changes wakes its targets.
  void Rebind();

  void OnChange(const Informer& informer, ObjectId id, const document::DocumentPtr& before,
                const document::DocumentPtr& after);

  // Woken targets of all relations in turn, up to `max`; less than `max` when nothing is left.
  size_t Expand(size_t max,
                absl::FunctionRef<void(const Relation& relation, ObjectId target)> visit);
  bool woken() const;

  size_t size() const { return slots_.size(); }
  size_t bytes() const;

 private:
  struct Slot {
    RelationHandle relation;
    Need related_need, target_need;  // of all users
    bool asked = false;              // since the last Rebind
    std::vector<const Informer*> related;
    std::vector<const Informer*> targets;
  };
  struct Uses {
    std::vector<Slot*> related, targets;
  };

  const ObjectTable& objects_;
  const InformerSet& informers_;
  std::map<std::string, Slot> slots_;
  absl::flat_hash_map<const Informer*, Uses> uses_;
  std::string expand_after_;  // the relation that the last slice ended in
};

}  // namespace kr::cache
