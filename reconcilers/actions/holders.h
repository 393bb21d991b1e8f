#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/functional/function_ref.h"
#include "reconcilers/actions/action.h"

// Who keeps a node cordoned or tainted, written on the node itself in the same patch as the field:
//
//   kube-remedy.io/holders: '{"cordon":["<uid of a Remediation>"],"taint pool/x:NoSchedule":[...]}'
//
// So several remediations share one cordon, the last one takes it back, and nobody ever takes back
// what a person, or another tool, has set (semantics 5.3).
namespace kr::actions {

inline constexpr char kHoldersAnnotation[] = "kube-remedy.io/holders";
inline constexpr char kCordonMitigation[] = "cordon";
// "taint pool/x:NoSchedule".
std::string TaintMitigation(std::string_view key, std::string_view effect);

// The holders of all mitigations of a node. A value.
class Holders {
 public:
  // As an object says. What cannot be understood names nobody: then nobody takes anything back.
  static Holders Of(const nlohmann::json& object);

  bool Has(const std::string& mitigation, std::string_view uid) const;
  bool HasAny(const std::string& mitigation) const;
  // Those besides `uid`.
  size_t Others(const std::string& mitigation, std::string_view uid) const;
  void Add(const std::string& mitigation, std::string_view uid);
  void Remove(const std::string& mitigation, std::string_view uid);
  void Clear(const std::string& mitigation);
  // Removes those that `exists` does not know; the mitigations that nobody holds since.
  std::vector<std::string> RemoveUnless(absl::FunctionRef<bool(std::string_view uid)> exists,
                                        bool& changed);

  // The value of the annotation in a merge patch: null when nobody holds anything.
  nlohmann::json Annotation() const;

 private:
  std::map<std::string, std::set<std::string>> held_;
};

// Whether the node takes no new pods (spec.unschedulable).
bool IsCordoned(const nlohmann::json& node);
// Whether that is our doing, and nobody else has set it since.
bool IsOurCordon(const nlohmann::json& node);

// The merge patch that cordons the node for `uid`, or joins our own cordon; null when `uid` holds
// it already, or the cordon is somebody else's.
nlohmann::json CordonPatch(const nlohmann::json& node, std::string_view uid);
// The merge patch that gives up the hold of `uid`, and uncordons when it was the last one and the
// cordon is ours; null when `uid` holds nothing.
nlohmann::json UncordonPatch(const nlohmann::json& node, std::string_view uid);

// The merge patch that gives up what nobody needs any more: the holds of UIDs that `exists` does
// not know, and what only those have held, as far as it is ours. Null when every holder is there.
// The patch goes with the version that it was made from.
nlohmann::json OrphansPatch(const nlohmann::json& node,
                            absl::FunctionRef<bool(std::string_view uid)> exists);

// "Node n1 is cordoned by kubectl, which is not ours to undo".
std::string ForeignCordonText(const ObjectRef& ref, const nlohmann::json& node);

}  // namespace kr::actions
