#include "reconcilers/remediation/baseline_keeper.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "controller/base/log.h"
#include "controller/kube/request.h"
#include "crds/v1alpha1/codec.h"
#include "reconcilers/actions/action.h"
#include "reconcilers/limits/lineage.h"
#include "reconcilers/limits/remediation_name.h"
#include "reconcilers/remediation/resources.h"

namespace kr::remediation {
namespace {

signals::TargetName NameOf(const crds::ObjectReference& ref) {
  return {ref.name_space, ref.name, ref.uid};
}

// As a Remediation is called, for one object: of another object of the name it says nothing.
std::string BaselineName(const policy::CompiledPolicy& policy, const crds::ObjectReference& ref) {
  const std::string digest =
      limits::LineageDigest(policy.uid, limits::Lineage(ref) + "\n" + ref.uid);
  const std::string name = limits::RemediationName(policy.name, ref.name, digest, 0);
  return name.substr(0, name.rfind('-'));
}

bool SameContent(const crds::TargetBaseline& a, const crds::TargetBaseline& b) {
  return a.spec == b.spec && a.status == b.status;
}

}  // namespace

BaselineKeeper::BaselineKeeper(const Options& options, runtime::Engine& engine,
                               runtime::ApiSender& api, signals::Baselines& known)
    : options_(options),
      engine_(engine),
      api_(api),
      known_(known),
      self_(std::make_shared<BaselineKeeper*>(this)) {}

void BaselineKeeper::Stop() {
  leading_ = false;
  // What was not written is for the next leader to see again.
  writes_.clear();
  under_way_ = 0;
  self_ = std::make_shared<BaselineKeeper*>(this);  // answers find nobody
  engine_.Cancel(timer_);
  timer_ = {};
}

crds::TargetBaseline BaselineKeeper::Present(const policy::CompiledPolicy& policy,
                                             const crds::ObjectReference& target) const {
  if (const auto* known = known_.Find(policy.id, NameOf(target))) return *known;
  crds::TargetBaseline baseline;
  baseline.metadata.name = BaselineName(policy, target);
  baseline.metadata.owner_references = {{.api_version = std::string(crds::kApiVersion),
                                         .kind = std::string(crds::kPolicyKind),
                                         .name = policy.name,
                                         .uid = policy.uid}};
  baseline.spec = {{policy.name, policy.uid}, target};
  return baseline;
}

void BaselineKeeper::Record(const policy::CompiledPolicy& policy,
                            const crds::ObjectReference& target,
                            std::vector<crds::BaselineValue> values) {
  if (!leading_ || !known_.complete()) return;
  crds::TargetBaseline wanted = Present(policy, target);
  bool news = false;
  for (crds::BaselineValue& value : values) {
    auto known = std::find_if(
        wanted.status.values.begin(), wanted.status.values.end(),
        [&](const crds::BaselineValue& other) { return other.trigger == value.trigger; });
    if (known == wanted.status.values.end()) {
      wanted.status.values.push_back(std::move(value));
    } else if (known->digest == value.digest &&
               known->expression_digest == value.expression_digest) {
      continue;
    } else {
      *known = std::move(value);
    }
    news = true;
  }
  if (news) Want(std::move(wanted), absl::ZeroDuration());
}

void BaselineKeeper::RecordHolding(const policy::CompiledPolicy& policy,
                                   const crds::ObjectReference& target,
                                   std::vector<crds::BaselineHold> holding) {
  if (!leading_ || !known_.complete()) return;
  crds::TargetBaseline wanted = Present(policy, target);
  const auto same = [](const crds::BaselineHold& a, const crds::BaselineHold& b) {
    // Written in whole seconds; when it began does not change while it holds.
    return a.trigger == b.trigger;
  };
  if (std::equal(holding.begin(), holding.end(), wanted.status.holding.begin(),
                 wanted.status.holding.end(), same)) {
    return;
  }
  wanted.status.holding = std::move(holding);
  // What goes off and on is written when it is off, if at all.
  Want(std::move(wanted), options_.worth_writing);
}

void BaselineKeeper::Drop(const crds::TargetBaseline& baseline) {
  known_.Remove(baseline);
  if (leading_) Want(baseline, absl::ZeroDuration(), /*remove=*/true);
}

void BaselineKeeper::Want(crds::TargetBaseline wanted, absl::Duration delay, bool remove) {
  if (!remove) known_.Set(wanted);
  const auto [it, created] = writes_.try_emplace(wanted.metadata.name);
  Write& write = it->second;
  const MonotonicTime due = engine_.Now() + delay;
  write.due = created ? due : std::min(write.due, due);
  write.wanted = std::move(wanted);
  write.remove = remove;
  write.again = write.under_way;
  Pump();
}

void BaselineKeeper::Pump() {
  engine_.Cancel(timer_);
  timer_ = {};
  std::optional<MonotonicTime> next;
  std::vector<std::string> due;
  for (auto& [name, write] : writes_) {
    if (write.under_way) continue;
    if (write.due > engine_.Now()) {
      next = next ? std::min(*next, write.due) : write.due;
    } else if (due.size() + under_way_ < kAtOnce) {
      due.push_back(name);
    }
  }
  for (const std::string& name : due) Send(name);
  if (next) {
    timer_ = engine_.At(*next, [this] {
      timer_ = {};
      Pump();
    });
  }
}

void BaselineKeeper::Send(const std::string& name) {
  Write& write = writes_.at(name);
  const auto server = on_server_.find(name);
  const bool exists = server != on_server_.end();
  const bool empty = write.wanted.status == crds::TargetBaselineStatus();
  const kube::WriteOptions options{.field_manager = actions::kFieldManager,
                                   .server_timeout = options_.write_timeout};
  kube::HttpRequest request;
  if (write.remove || empty) {
    if (!exists) {  // nothing to take back
      writes_.erase(name);
      return;
    }
    request = kube::DeleteObject(
        BaselineResource(), {"", name},
        {.uid = server->second.uid, .resource_version = server->second.resource_version}, options);
  } else if (exists) {
    crds::TargetBaseline object = write.wanted;
    object.metadata = server->second;
    object.metadata.owner_references = write.wanted.metadata.owner_references;
    request = kube::UpdateObject(BaselineResource(), {"", name}, "", crds::ToJson(object), options);
  } else {
    crds::TargetBaseline object = write.wanted;
    object.metadata.resource_version.clear();
    object.metadata.uid.clear();
    request = kube::CreateObject(BaselineResource(), "", crds::ToJson(object), options);
  }
  request.timeout = options_.write_timeout;
  write.under_way = true;
  ++under_way_;
  api_.Send(std::move(request),
            [weak = std::weak_ptr(self_), name](StatusOr<kube::Reply> reply) {
              if (auto self = weak.lock()) (*self)->OnReply(name, std::move(reply));
            },
            {.permit = runtime::PermitNeed::kWrite, .lane = runtime::Lane::kBackground});
}

void BaselineKeeper::OnReply(const std::string& name, StatusOr<kube::Reply> reply) {
  --under_way_;
  const auto it = writes_.find(name);
  if (it == writes_.end()) return Pump();
  Write& write = it->second;
  write.under_way = false;
  const bool gone = write.remove && absl::IsNotFound(reply.status());
  if (!reply.ok() && !gone) {
    log::Warning("TargetBaseline could not be written",
                 {{"baseline", name}, {"error", Message(reply.status())}});
    write.due = engine_.Now() + options_.retry;
    return Pump();
  }
  if (reply.ok() && !write.remove) {
    const auto object =
        crds::FromJson<crds::TargetBaseline>(nlohmann::json::parse(reply->body, nullptr, false));
    if (object.ok()) on_server_[name] = object->metadata;
  } else {
    on_server_.erase(name);
  }
  if (write.again) {
    write.again = false;
    write.due = engine_.Now();
  } else {
    writes_.erase(it);
  }
  Pump();
}

bool BaselineKeeper::OnObject(const std::optional<crds::TargetBaseline>& before,
                              const std::optional<crds::TargetBaseline>& after) {
  const std::string& name = after ? after->metadata.name : before->metadata.name;
  if (after) {
    on_server_[name] = after->metadata;
  } else {
    on_server_.erase(name);
  }
  if (writes_.contains(name)) return false;  // ours is newer
  if (!after) {
    known_.Remove(*before);
    return true;
  }
  const crds::ObjectReference& ref = after->spec.target_ref;
  const auto group = kube::GroupVersionKind::FromApiVersion(ref.api_version, ref.kind).group;
  const crds::TargetBaseline* known =
      known_.Find(after->spec.policy_ref.uid + "/" + group + "/" + ref.kind, NameOf(ref));
  const bool news = known == nullptr || !SameContent(*known, *after);
  known_.Set(*after);
  return news;
}

}  // namespace kr::remediation
