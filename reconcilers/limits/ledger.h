#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "crds/meta/object_meta.h"
#include "reconcilers/limits/concurrency.h"
#include "reconcilers/limits/reasons.h"

namespace kr::limits {

// What a lock is on: group, kind, namespace and name. Not the UID: a node that registers again is
// the same node to whoever works on it; nor the version of the API.
std::string LockKey(const crds::ObjectReference& object);

// Who works on what: the slots of policies and the locks on objects. It is never stored; whoever
// takes over makes it anew from the Remediations that exist. Engine thread only.
//
// A Remediation holds its target from its creation on, and every other object that its plan writes
// from before the first write, until it is over and no effect of it is outstanding.
class Ledger {
 public:
  struct Holder {
    std::string remediation;
    std::string policy;
    std::string policy_uid;
    crds::ObjectReference target;
    // It is over, and only its effects are left: it holds a slot, but is in nobody's way.
    bool ended = false;
  };

  // Adds `objects` to what the holder has (the target is always among them). What is held stays so
  // until Release: an older state of a Remediation takes nothing back.
  void Hold(const Holder& holder, std::span<const crds::ObjectReference> objects = {});
  void Release(std::string_view remediation);
  void Clear();
  bool Holds(std::string_view remediation) const { return held_.contains(remediation); }

  // Who is at work on the object besides `remediation`; of several (which an older version may have
  // left behind) any. Null: nobody.
  const Holder* OtherHolder(const crds::ObjectReference& object,
                            std::string_view remediation) const;
  // TargetBusy, with the object and who holds it, when one of `objects` is somebody else's.
  std::optional<Refusal> CheckLocks(std::string_view remediation,
                                    std::span<const crds::ObjectReference> objects) const;

  // The slots that a policy has taken, by name.
  std::vector<SlotHolder> SlotsOf(std::string_view policy_uid) const;
  // All holders of a policy.
  void ForEachOf(std::string_view policy_uid, absl::FunctionRef<void(const Holder&)> visit) const;
  // Every object that is held, once for each holder.
  void ForEach(absl::FunctionRef<void(const crds::ObjectReference&, const Holder&)> visit) const;

 private:
  struct Entry {
    Holder holder;
    std::vector<crds::ObjectReference> objects;  // the target first
  };
  using Names = std::map<std::string, std::set<std::string>, std::less<>>;

  std::map<std::string, Entry, std::less<>> held_;  // by Remediation
  Names by_object_;                                 // LockKey to Remediations
  Names by_policy_;                                 // UID to Remediations
};

}  // namespace kr::limits
