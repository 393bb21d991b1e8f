#include "reconcilers/remediation/drains.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "reconcilers/actions/drain_result.h"
#include "reconcilers/actions/reboot_locks.h"
#include "reconcilers/drain/parse.h"

namespace kr::remediation {
namespace {

using document::DocumentPtr;
using policy::Watches;
using State = Watches::Readiness::State;

// Changes come in bursts; what is decided on a whole burst is decided once, and more pods go in one
// batch.
constexpr absl::Duration kBurst = absl::Milliseconds(20);
// Between looks of drains that a change may concern, or not.
constexpr absl::Duration kOthers = absl::Milliseconds(250);
// Between looks whether the watches are alive.
constexpr absl::Duration kBelieved = absl::Seconds(1);

// All that a drain looks at.
const std::vector<Watches::Extra>& Kinds() {
  static const auto* kinds = [] {
    auto* all = new std::vector<Watches::Extra>;
    for (const kube::GroupVersionKind& gvk : {kube::GroupVersionKind{"", "v1", "Node"},
                                              {"", "v1", "Pod"},
                                              {"apps", "v1", "StatefulSet"},
                                              {"policy", "v1", "PodDisruptionBudget"},
                                              {"", "v1", "PersistentVolumeClaim"},
                                              {"", "v1", "PersistentVolume"},
                                              {"storage.k8s.io", "v1", "CSINode"},
                                              {"storage.k8s.io", "v1", "VolumeAttachment"}}) {
      all->push_back({.gvk = gvk, .paths = drain::PathsOf(gvk.kind), .each = true});
    }
    return all;
  }();
  return *kinds;
}

// As the watch has it, with the identity that a Document keeps apart.
nlohmann::json JsonOf(const document::Document& object) {
  nlohmann::json json = object.ToJson();
  json["metadata"]["name"] = std::string(object.name());
  json["metadata"]["uid"] = std::string(object.uid());
  if (!object.name_space().empty())
    json["metadata"]["namespace"] = std::string(object.name_space());
  return json;
}

}  // namespace

Drains::Drains(const policy::Watches& watches, runtime::Engine& engine, Callbacks callbacks)
    : watches_(watches),
      engine_(engine),
      callbacks_(std::move(callbacks)),
      self_(std::make_shared<Drains*>(this)) {}

Drains::~Drains() = default;

void Drains::Use(const std::string& remediation, const std::string& node) {
  const bool first = users_.empty();
  users_[remediation] = node;
  if (first) Later();
}

void Drains::Leave(const std::string& remediation) {
  cluster_.Close(remediation, engine_.clock().Now());
  if (users_.erase(remediation) > 0 && users_.empty()) Later();
}

// Not at once: whoever calls is in the middle of something.
void Drains::Later() {
  engine_.After(absl::ZeroDuration(), [weak = std::weak_ptr(self_)] {
    auto self = weak.lock();
    if (!self) return;
    (*self)->callbacks_.needs_changed();
    (*self)->OnViews();
  });
}

void Drains::FollowRestarts(const crds::Remediation& remediation) {
  cluster_.SetRestarts(remediation.metadata.name, actions::RestartsOf(remediation));
}

void Drains::Remember(const crds::Remediation& remediation) {
  const auto& intent = remediation.status.intent;
  for (const crds::StepProgress& step : remediation.status.steps) {
    if (step.action != "drain" || step.memo.empty()) continue;
    absl::Time last = intent && intent->step == step.id ? intent->at : absl::InfinitePast();
    if (!step.writes.empty()) last = std::max(last, step.writes.back().intent_at);
    if (step.finished_at) {
      last = *step.finished_at;
      if (last + drain::kMissedFor < engine_.clock().Now()) continue;
    }
    const auto had = step.memo.Parse().value(actions::kDrainHad, nlohmann::json::object());
    for (const auto& [owner, pods] : had.items()) cluster_.Recall(owner, pods, last);
  }
}

void Drains::Adopt(const crds::Remediation& remediation) {
  FollowRestarts(remediation);
  const auto& intent = remediation.status.intent;
  if (!intent || (intent->verb != crds::Verb::kEvict && intent->verb != crds::Verb::kDelete)) {
    return;
  }
  std::vector<crds::ObjectReference> objects = intent->others;
  objects.push_back(intent->object);
  for (const crds::ObjectReference& object : objects) {
    if (object.kind != "Pod") continue;
    cluster_.Reserve({object.name_space, object.name}, object.uid, remediation.metadata.name,
                     engine_.clock().Now());
  }
}

std::vector<Watches::Extra> Drains::Needs() const {
  if (users_.empty()) return {};
  return Kinds();
}

void Drains::OnObject(const kube::GroupVersionKind& gvk, const kube::ObjectKey& key) {
  if (!ready_) return;  // it will be read as a whole
  dirty_.insert({gvk.kind, key});
  Schedule(kBurst);
}

void Drains::Schedule(absl::Duration delay) {
  if (std::exchange(scheduled_, true)) return;
  engine_.After(delay, [weak = std::weak_ptr(self_)] {
    if (auto self = weak.lock()) (*self)->Tick();
  });
}

void Drains::OnViews() {
  if (users_.empty()) {
    ready_ = false;
    missing_ = "not watched yet";
    serving_.clear();
    dirty_.clear();
    attachments_.clear();
    cluster_.Clear();
    return;
  }
  std::vector<const cache::Informer*> serving;
  missing_ = FindMissing(serving);
  const bool was_ready = std::exchange(ready_, missing_.empty());
  if (!ready_ || (was_ready && serving == serving_)) return;
  serving_ = std::move(serving);
  Rebuild();
  changed_ = true;
  woke_all_ = MonotonicTime();
  Schedule(absl::ZeroDuration());
}

std::string Drains::FindMissing(std::vector<const cache::Informer*>& serving) const {
  std::string missing;
  for (const Watches::Extra& kind : Kinds()) {
    const Watches::ExtraView found = watches_.Find(kind);
    // What the cluster does not know binds no pod.
    if (found.readiness.state == State::kInactive) continue;
    const auto& informers = found.view.informers();
    serving.insert(serving.end(), informers.begin(), informers.end());
    if (found.readiness.state != State::kReady && missing.empty()) {
      missing = kind.gvk.kind + ": " + found.readiness.message;
    }
  }
  return missing;
}

const std::string& Drains::Missing() {
  if (ready_ && checked_ + kBelieved <= engine_.Now()) {
    checked_ = engine_.Now();
    std::vector<const cache::Informer*> serving;
    missing_ = FindMissing(serving);
  }
  return missing_;
}

void Drains::Rebuild() {
  cluster_.Clear();
  attachments_.clear();
  dirty_.clear();
  for (const Watches::Extra& kind : Kinds()) {
    watches_.Find(kind).view.ForEach([&](cache::ObjectId, const DocumentPtr& object) {
      Apply(kind.gvk.kind, {std::string(object->name_space()), std::string(object->name())},
            object);
    });
  }
}

void Drains::Apply(const std::string& kind, const kube::ObjectKey& key, const DocumentPtr& object) {
  if (kind == "Pod") {
    if (const drain::Pod* before = cluster_.FindPod(key)) changed_nodes_.insert(before->node);
    if (!object) return cluster_.RemovePod(key);
    drain::Pod pod = drain::ParsePod(JsonOf(*object));
    changed_nodes_.insert(pod.node);
    return cluster_.Put(std::move(pod));
  }
  if (kind == "Node") {
    changed_nodes_.insert(key.name);
    return object ? cluster_.Put(drain::ParseNode(JsonOf(*object))) : cluster_.RemoveNode(key.name);
  }
  if (kind == "StatefulSet") {
    return object ? cluster_.Put(drain::ParseStatefulSet(JsonOf(*object)))
                  : cluster_.RemoveSet(key);
  }
  if (kind == "PodDisruptionBudget") {
    return object ? cluster_.Put(drain::ParseBudget(JsonOf(*object))) : cluster_.RemoveBudget(key);
  }
  if (kind == "PersistentVolumeClaim") {
    return object ? cluster_.Put(drain::ParseClaim(JsonOf(*object))) : cluster_.RemoveClaim(key);
  }
  if (kind == "PersistentVolume") {
    return object ? cluster_.Put(drain::ParseVolume(JsonOf(*object)))
                  : cluster_.RemoveVolume(key.name);
  }
  if (kind == "CSINode") {
    return object ? cluster_.LimitVolumes(key.name, drain::ParseCsiNode(JsonOf(*object)))
                  : cluster_.RemoveVolumeLimits(key.name);
  }
  const auto known = attachments_.find(key.name);
  if (known != attachments_.end()) {
    cluster_.Detach(known->second.first, known->second.second);
    attachments_.erase(known);
  }
  if (!object) return;
  drain::Attachment attachment = drain::ParseAttachment(JsonOf(*object));
  if (attachment.volume.empty()) return;
  attachments_[key.name] = {attachment.volume, attachment.node};
  cluster_.Put(std::move(attachment));
}

void Drains::Tick() {
  scheduled_ = false;
  const std::set<Dirty> dirty = std::exchange(dirty_, {});
  std::map<std::string, cache::View> views;
  for (const Dirty& change : dirty) {
    if (!ready_) break;
    auto view = views.find(change.kind);
    if (view == views.end()) {
      for (const Watches::Extra& kind : Kinds()) {
        if (change.kind != kind.gvk.kind) continue;
        view = views.emplace(change.kind, watches_.Find(kind).view).first;
      }
    }
    if (view == views.end()) continue;
    Apply(change.kind, change.key, view->second.Find(change.key));
    changed_ = true;
  }
  const std::set<std::string> nodes = std::exchange(changed_nodes_, {});
  const MonotonicTime now = engine_.Now();
  const bool all = changed_ && woke_all_ + kOthers <= now;
  if (all) {
    changed_ = false;
    woke_all_ = now;
  }
  std::vector<std::string> wake;
  for (const auto& [remediation, node] : users_) {
    if (all || nodes.contains(node)) wake.push_back(remediation);
  }
  for (const std::string& remediation : wake) callbacks_.wake(remediation);
  if (changed_) Schedule(std::max(woke_all_ + kOthers - now, kBurst));
}

}  // namespace kr::remediation
