#include "reconcilers/remediation/pod_owners.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "controller/kube/request.h"
#include "reconcilers/actions/change.h"
#include "reconcilers/policy/related.h"

namespace kr::remediation {
namespace {

// Whose objects are made anew for every version, or every run, of what controls them.
const kube::Resource* Passing(const policy::ControllerOf& controller) {
  static const kube::Resource kPassing[] = {
      {{"apps", "v1", "ReplicaSet"}, "replicasets", true},
      {{"batch", "v1", "Job"}, "jobs", true},
      {{"", "v1", "ReplicationController"}, "replicationcontrollers", true},
  };
  for (const kube::Resource& resource : kPassing) {
    if (controller.kind == resource.gvk.kind &&
        controller.api_version == resource.gvk.ApiVersion()) {
      return &resource;
    }
  }
  return nullptr;
}

// The UID of the object's controller; its own when it has none.
std::string TopOf(const nlohmann::json& object, const std::string& own_uid) {
  const nlohmann::json* controller = actions::FindController(object);
  return controller == nullptr ? own_uid : actions::FindText(*controller, {"uid"});
}

}  // namespace

PodOwners::PodOwners(runtime::Engine& engine, runtime::ApiSender& api, absl::Duration timeout,
                     absl::Duration retry)
    : engine_(engine),
      api_(api),
      timeout_(timeout),
      retry_(retry),
      self_(std::make_shared<PodOwners*>(this)) {}

StatusOr<limits::PodOwners> PodOwners::Find(const document::Document& pod) const {
  const auto controller = policy::FindController(pod);
  if (!controller) return limits::PodOwners{};
  if (Passing(*controller) == nullptr) {
    return limits::PodOwners{controller->kind, controller->uid};
  }
  const auto known = known_.find(controller->uid);
  if (known == known_.end()) {
    return Unavailable("who controls " + controller->kind + " " + controller->name +
                       " is not known yet");
  }
  KR_ASSIGN_OR_RETURN(const std::string top, known->second.top_uid);
  return limits::PodOwners{controller->kind, top};
}

void PodOwners::Learn(const document::Document& pod, std::function<void()> learned) {
  const auto controller = policy::FindController(pod);
  const kube::Resource* resource = controller ? Passing(*controller) : nullptr;
  if (resource == nullptr || known_.contains(controller->uid)) return;
  const std::string text = controller->kind + " " + std::string(pod.name_space()) + "/" +
                           controller->name + ", to know what the pod belongs to";
  known_[controller->uid] = {Unavailable("reading " + text), engine_.Now()};
  kube::HttpRequest request =
      kube::GetObject(*resource, {std::string(pod.name_space()), controller->name});
  request.timeout = timeout_;
  api_.Send(std::move(request), [weak = std::weak_ptr(self_), uid = controller->uid, text,
                                 learned = std::move(learned)](StatusOr<kube::Reply> reply) {
    const auto self = weak.lock();
    if (!self) return;
    PodOwners& owners = **self;
    StatusOr<std::string> top = uid;
    if (reply.ok()) {
      const auto object = nlohmann::json::parse(reply->body, nullptr, false);
      // Gone, or another one of its name: the pod is an orphan, its own controller stands for it.
      if (actions::FindText(object, {"metadata", "uid"}) == uid) top = TopOf(object, uid);
    } else if (!absl::IsNotFound(reply.status())) {
      top = Annotate(reply.status(), "could not read " + text);
    }
    const bool failed = !top.ok();
    owners.known_[uid] = {std::move(top), owners.engine_.Now()};
    if (failed) {
      owners.engine_.After(owners.retry_, [weak, uid, learned] {
        const auto again = weak.lock();
        if (!again) return;
        (*again)->known_.erase(uid);
        learned();
      });
    }
    learned();
  });
}

void PodOwners::Forget(absl::Duration older_than) {
  std::erase_if(known_, [&](const auto& entry) {
    return entry.second.top_uid.ok() && engine_.Now() - entry.second.read_at > older_than;
  });
}

}  // namespace kr::remediation
