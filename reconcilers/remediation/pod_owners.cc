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
                     absl::Duration retry, Learned learned)
    : engine_(engine),
      api_(api),
      timeout_(timeout),
      retry_(retry),
      learned_(std::move(learned)),
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

bool PodOwners::Learn(const document::Document& pod, const std::string& asker) {
  const auto controller = policy::FindController(pod);
  const kube::Resource* resource = controller ? Passing(*controller) : nullptr;
  if (resource == nullptr) return true;
  const auto known = known_.find(controller->uid);
  if (known != known_.end()) {
    known->second.askers.insert(asker);
    return known->second.reading;
  }
  const std::string text = controller->kind + " " + std::string(pod.name_space()) + "/" +
                           controller->name + ", to know what the pod belongs to";
  known_.emplace(controller->uid, Entry{.top_uid = Unavailable("reading " + text),
                                        .read_at = engine_.Now(),
                                        .reading = true,
                                        .askers = {asker}});
  kube::HttpRequest request =
      kube::GetObject(*resource, {std::string(pod.name_space()), controller->name});
  request.timeout = timeout_;
  api_.Send(std::move(request), [weak = std::weak_ptr(self_), uid = controller->uid,
                                 text](StatusOr<kube::Reply> reply) {
    if (auto self = weak.lock()) (*self)->OnRead(uid, text, std::move(reply));
  });
  return true;
}

void PodOwners::OnRead(const std::string& uid, const std::string& text,
                       StatusOr<kube::Reply> reply) {
  Entry& entry = known_.at(uid);
  entry.reading = false;
  entry.read_at = engine_.Now();
  if (!reply.ok() && !absl::IsNotFound(reply.status())) {
    entry.top_uid = Annotate(reply.status(), "could not read " + text);
    engine_.After(retry_, [weak = std::weak_ptr(self_), uid] {
      const auto self = weak.lock();
      if (!self) return;
      const auto failed = (*self)->known_.extract(uid);
      if (!failed.empty()) (*self)->Tell(failed.mapped().askers);
    });
    return Tell(entry.askers);
  }
  entry.top_uid = uid;
  if (reply.ok()) {
    const auto object = nlohmann::json::parse(reply->body, nullptr, false);
    // Gone, or another one of its name: the pod is an orphan, its own controller stands for it.
    if (actions::FindText(object, {"metadata", "uid"}) == uid) entry.top_uid = TopOf(object, uid);
  }
  Tell(std::exchange(entry.askers, {}));
}

void PodOwners::Tell(const std::set<std::string>& askers) const {
  for (const std::string& asker : askers) learned_(asker);
}

void PodOwners::Forget(absl::Duration older_than) {
  std::erase_if(known_, [&](const auto& entry) {
    return entry.second.top_uid.ok() && engine_.Now() - entry.second.read_at > older_than;
  });
}

}  // namespace kr::remediation
