#include "reconcilers/actions/out_of_service.h"

#include <map>
#include <string>
#include <utility>

#include "controller/kube/request.h"
#include "crds/meta/time.h"
#include "reconcilers/actions/change.h"
#include "reconcilers/drain/parse.h"
#include "reconcilers/drain/placement.h"
#include "reconcilers/drain/request.h"

namespace kr::actions {
namespace {

using nlohmann::json;

constexpr char kPods[] = "pods";
constexpr char kAttachments[] = "attachments";
constexpr char kPodsLook[] = "taint/pods";
constexpr char kAttachmentsLook[] = "taint/attachments";
constexpr size_t kMaxListed = 500;
constexpr absl::Duration kLookAgain = absl::Seconds(2);

kube::HttpRequest ListAttachments() {
  return kube::ListObjects(
      {{"storage.k8s.io", "v1", "VolumeAttachment"}, "volumeattachments", false}, {});
}

// UID: "net/a", of the objects of a list that stand on the node.
std::map<std::string, std::string> NamesOf(const json& list, std::string_view node) {
  std::map<std::string, std::string> names;
  const json* items = Find(list, {"items"});
  for (const json& item : items != nullptr ? *items : json::array()) {
    const std::string on = FindText(item, {"spec", "nodeName"});
    if (!on.empty() && on != node) continue;  // a list of pods was of this node alone
    const std::string name_space = FindText(item, {"metadata", "namespace"});
    names[FindText(item, {"metadata", "uid"})] =
        (name_space.empty() ? "" : name_space + "/") + FindText(item, {"metadata", "name"});
  }
  return names;
}

bool Removes(const drain::Taint& taint, const json& object) {
  const drain::Pod pod = drain::ParsePod(object);
  return !pod.mirror && !pod.Finished() &&
         !drain::Tolerates(*pod.spec, {.name = pod.node, .uid = "", .taints = {taint}});
}

bool IsWell(const json& node, absl::Time now) {
  const json* conditions = Find(node, {"status", "conditions"});
  for (const json& condition : conditions != nullptr ? *conditions : json::array()) {
    if (FindText(condition, {"type"}) != "Ready") continue;
    const auto since = crds::ParseTime(FindText(condition, {"lastTransitionTime"}));
    return FindText(condition, {"status"}) == "True" && since && *since + kRemovalsHoldTaint <= now;
  }
  return false;
}

}  // namespace

std::optional<Next> NoteRemovals(const Observed& observed, const drain::Taint& taint, json& memo) {
  const std::string& node = observed.ref.key.name;
  if (!observed.looked.contains(kPodsLook)) return Look{drain::ListPodsOn(node), kPodsLook};
  if (!observed.looked.contains(kAttachmentsLook)) {
    return Look{ListAttachments(), kAttachmentsLook};
  }
  memo[kPods] = json::array();
  const json* pods = Find(observed.looked.find(kPodsLook)->second.object, {"items"});
  for (const json& pod : pods != nullptr ? *pods : json::array()) {
    if (memo[kPods].size() >= kMaxListed) break;
    if (Removes(taint, pod)) memo[kPods].push_back(FindText(pod, {"metadata", "uid"}));
  }
  memo[kAttachments] = json::array();
  for (const auto& [uid, name] :
       NamesOf(observed.looked.find(kAttachmentsLook)->second.object, node)) {
    if (memo[kAttachments].size() < kMaxListed) memo[kAttachments].push_back(uid);
  }
  return std::nullopt;
}

std::optional<Next> AwaitRemovals(const json& memo, const Observed& observed) {
  const json* pods = Find(memo, {kPods});
  const json* attachments = Find(memo, {kAttachments});
  if (pods == nullptr || attachments == nullptr) return std::nullopt;
  if (observed.stopping || IsWell(*observed.live, observed.now)) return std::nullopt;
  const std::string& node = observed.ref.key.name;
  const auto wait = [&](std::string_view what, const json& uids,
                        const char* look) -> std::optional<Next> {
    const auto left = NamesOf(observed.looked.find(look)->second.object, node);
    for (const json& uid : uids) {
      const auto still = left.find(uid.get<std::string>());
      if (still == left.end()) continue;
      return Wait{.until = observed.now + kLookAgain,
                  .progress = "the out-of-service taint stays until " + std::string(what) + " " +
                              still->second + " is gone",
                  .memo = nullptr,
                  .reread = true};
    }
    return std::nullopt;
  };
  if (!pods->empty()) {
    if (!observed.looked.contains(kPodsLook)) {
      return Look{drain::ListPodsOn(node, /*metadata_only=*/true), kPodsLook};
    }
    if (auto next = wait("pod", *pods, kPodsLook)) return next;
  }
  if (!attachments->empty()) {
    if (!observed.looked.contains(kAttachmentsLook)) {
      return Look{ListAttachments(), kAttachmentsLook};
    }
    if (auto next = wait("VolumeAttachment", *attachments, kAttachmentsLook)) return next;
  }
  return std::nullopt;
}

}  // namespace kr::actions
