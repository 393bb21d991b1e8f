#include "reconcilers/limits/lineage.h"

#include "controller/base/digest.h"

namespace kr::limits {
namespace {

constexpr size_t kDigestDigits = 16;

// "DaemonSet.apps"; "Pod" in the core group. Without the version, so that a policy may move to a
// newer one and keep its memory.
std::string KindAndGroup(const crds::ObjectReference& ref) {
  size_t slash = ref.api_version.find('/');
  if (slash == std::string::npos) return ref.kind;
  return ref.kind + "." + ref.api_version.substr(0, slash);
}

}  // namespace

std::string Lineage(const crds::ObjectReference& target,
                    const std::optional<PodOwners>& pod_owners) {
  std::string kind = KindAndGroup(target);
  if (kind == "Node") return "Node/" + target.name;
  if (kind == "Pod" && pod_owners && !pod_owners->top_uid.empty()) {
    std::string lineage = "Pod/" + target.name_space + "/owner/" + pod_owners->top_uid;
    if (pod_owners->controller_kind == "StatefulSet") lineage += "/" + target.name;
    return lineage;
  }
  return kind + "/" + target.name_space + "/" + target.name;
}

std::string LineageDigest(std::string_view policy_uid, std::string_view lineage) {
  // Neither a UID nor a name contains a line feed, so no two pairs give the same text.
  return Sha256Hex(std::string(policy_uid).append("\n").append(lineage)).substr(0, kDigestDigits);
}

}  // namespace kr::limits
