#include "reconcilers/remediation/live_check.h"

#include <algorithm>
#include <set>
#include <utility>

#include "controller/kube/api_error.h"
#include "controller/kube/request.h"
#include "crds/meta/json_find.h"
#include "reconcilers/node/resources.h"
#include "reconcilers/policy/cached_surroundings.h"
#include "reconcilers/policy/place.h"

namespace kr::remediation {
namespace {

using document::DocumentPtr;

// The label selector with which a workload finds its pods.
std::string PodSelector(const nlohmann::json& target) {
  const nlohmann::json* labels = crds::Find(target, {"spec", "selector", "matchLabels"});
  if (labels == nullptr || !labels->is_object()) return "";
  std::string selector;
  for (const auto& [key, value] : labels->items()) {
    if (!value.is_string()) continue;
    if (!selector.empty()) selector += ',';
    selector += key + "=" + value.get<std::string>();
  }
  return selector;
}

class Reading final : public std::enable_shared_from_this<Reading> {
 public:
  using Done = LiveRead::Done;

  Reading(Services& services, const World& world, policy::CompiledPolicyPtr policy,
          kube::ObjectKey key, Done done)
      : services_(services),
        world_(world),
        policy_(std::move(policy)),
        key_(std::move(key)),
        done_(std::move(done)) {}

  void Begin() {
    const auto resource = world_.Find(policy_->target);
    if (!resource) return Fail(Unavailable("discovery does not know " + policy_->target.kind));
    Send(kube::GetObject(*resource, key_), &Reading::OnTarget);
  }

 private:
  void Send(kube::HttpRequest request, void (Reading::*next)(StatusOr<kube::Reply>)) {
    request.timeout = services_.timing.write_timeout;
    services_.api.Send(std::move(request),
                       [weak = weak_from_this(), next](StatusOr<kube::Reply> reply) {
                         if (auto self = weak.lock()) ((*self).*next)(std::move(reply));
                       });
  }

  void OnTarget(StatusOr<kube::Reply> reply) {
    if (!reply.ok()) {
      if (!absl::IsNotFound(reply.status())) return Fail(reply.status());
      if (!policy_->has_places) return Finish();
      // The expected answer: the target is the empty place.
      live_.document = policy::MakePlace(services_.decoder, key_);
      return NextLease();
    }
    live_.target = nlohmann::json::parse(reply->body, nullptr, false);
    auto document = services_.decoder.DecodeObject(reply->body, world_.TargetProjection(*policy_));
    if (!document.ok()) return Fail(document.status());
    live_.document = *std::move(document);
    NextLease();
  }

  void NextLease() {
    for (; lease_ < policy_->leases.size(); ++lease_) {
      const signals::LeaseRead& read = policy_->leases[lease_];
      if (read.decides)
        return Send(kube::GetObject(node::LeaseResource(), KeyOf(read)), &Reading::OnLease);
    }
    NextJoin();
  }
  kube::ObjectKey KeyOf(const signals::LeaseRead& read) const {
    return {read.name_space, read.name.empty() ? key_.name : read.name};
  }

  void OnLease(StatusOr<kube::Reply> reply) {
    if (!reply.ok() && !absl::IsNotFound(reply.status())) return Fail(reply.status());
    const kube::ObjectKey key = KeyOf(policy_->leases[lease_++]);
    std::optional<std::string>& renewed = live_.leases[{key.name_space, key.name}];
    if (reply.ok()) {
      renewed =
          crds::FindText(nlohmann::json::parse(reply->body, nullptr, false), {"spec", "renewTime"});
    }
    NextLease();
  }

  // Joins are read in their order: what one starts from has been read before it.
  void NextJoin() {
    const size_t join = live_.related.size();
    if (join == policy_->related.size()) return Finish();
    const policy::RelatedJoin& spec = policy_->related[join];
    starts_.clear();
    if (Status status = CollectStarts(spec); !status.ok()) return Skip(std::move(status));
    if (starts_.empty()) return Skip(std::vector<DocumentPtr>());
    const auto resource = world_.Find(spec.gvk);
    if (!resource) return Fail(Unavailable("discovery does not know " + spec.gvk.kind));
    Send(kube::ListObjects(*resource, Narrowed(spec, *resource)), &Reading::OnList);
  }

  // What an object that the join starts from brings to it.
  struct Start {
    std::string name_space;
    cache::KeySink keys;
  };

  Status CollectStarts(const policy::RelatedJoin& spec) {
    const auto add = [&](std::string_view name_space, cache::KeySink keys) {
      if (keys.keys().empty() && keys.selectors().empty() && !keys.labels()) return;
      starts_.push_back({std::string(name_space), std::move(keys)});
    };
    if (!spec.equals) {
      cache::KeySink keys;
      const LiveSurroundings around(live_, *policy_, policy::Unserved());
      const policy::TargetView view(*policy_, live_.document, around,
                                    {.now = services_.engine.clock().Now()});
      KR_RETURN_IF_ERROR(spec.said(view, keys));
      add(key_.name_space, std::move(keys));
      return OkStatus();
    }
    std::vector<DocumentPtr> objects = {live_.document};
    if (spec.of) {
      KR_RETURN_IF_ERROR(live_.related[*spec.of].status());
      objects = *live_.related[*spec.of];
      KR_RETURN_IF_ERROR(policy::CheckMax(policy_->related[*spec.of], objects.size()));
    }
    for (const DocumentPtr& object : objects) {
      cache::KeySink keys;
      spec.equals(*object, keys);
      add(object->name_space(), std::move(keys));
    }
    return OkStatus();
  }

  // As narrow as one list can be that has everything.
  kube::ListOptions Narrowed(const policy::RelatedJoin& spec, const kube::Resource& resource) {
    kube::ListOptions options;
    if (resource.namespaced) {
      const std::string& first = starts_[0].name_space;
      const bool one = std::all_of(starts_.begin(), starts_.end(),
                                   [&](const Start& start) { return start.name_space == first; });
      options.name_space = !spec.same_namespace ? spec.name_space : one ? first : "";
    }
    std::string labels = spec.selector ? spec.selector->ToString() : "";
    const auto also = [](std::string& text, const std::string& more) {
      if (!text.empty() && !more.empty()) text += ",";
      text += more;
    };
    std::set<std::string> keys;
    for (const Start& start : starts_)
      keys.insert(start.keys.keys().begin(), start.keys.keys().end());
    std::string fields = spec.names.size() == 1 ? "metadata.name=" + spec.names[0] : "";
    switch (spec.narrow) {
      case policy::RelatedJoin::Narrow::kNothing:
        break;
      case policy::RelatedJoin::Narrow::kName:
        if (keys.size() == 1) also(fields, "metadata.name=" + *keys.begin());
        break;
      case policy::RelatedJoin::Narrow::kNodeName:
        if (keys.size() == 1) also(fields, "spec.nodeName=" + *keys.begin());
        break;
      case policy::RelatedJoin::Narrow::kLabels:
        if (starts_.size() == 1 && starts_[0].keys.selectors().size() == 1) {
          also(labels, starts_[0].keys.selectors()[0].ToString());
        }
        break;
      case policy::RelatedJoin::Narrow::kPodSelector:
        also(labels, PodSelector(live_.target));
        break;
    }
    options.label_selector = std::move(labels);
    options.field_selector = std::move(fields);
    return options;
  }

  void OnList(StatusOr<kube::Reply> reply) {
    if (!reply.ok()) return Fail(reply.status());
    const size_t join = live_.related.size();
    auto page = services_.decoder.DecodeList(reply->body, world_.RelatedProjection(*policy_, join));
    if (!page.ok()) return Fail(page.status());
    const policy::RelatedJoin& spec = policy_->related[join];
    std::vector<DocumentPtr> joined;
    for (DocumentPtr& object : page->items) {
      cache::KeySink keys;
      spec.key(*object, keys);
      const bool joins = std::any_of(starts_.begin(), starts_.end(), [&](const Start& start) {
        return (!spec.same_namespace || start.name_space == object->name_space()) &&
               cache::Joined(spec.kind, keys, start.keys);
      });
      if (joins) joined.push_back(std::move(object));
    }
    Skip(std::move(joined));
  }

  void Skip(StatusOr<std::vector<DocumentPtr>> joined) {
    live_.related.push_back(std::move(joined));
    NextJoin();
  }

  void Fail(Status why) {
    // Never inside Start: the caller would be asked back before it has the handle.
    services_.engine.After(absl::ZeroDuration(),
                           [weak = weak_from_this(), why = std::move(why)]() mutable {
                             if (auto self = weak.lock()) self->Call(std::move(why));
                           });
  }
  void Finish() { Call(std::move(live_)); }
  void Call(StatusOr<LiveState> result) {
    Done done = std::move(done_);
    std::move(done)(std::move(result));
  }

  Services& services_;
  const World& world_;
  policy::CompiledPolicyPtr policy_;
  kube::ObjectKey key_;
  Done done_;
  LiveState live_;
  size_t lease_ = 0;           // of policy_->leases, which comes next
  std::vector<Start> starts_;  // of the join that is being read
};

// Destroying it lets go of the reading, whose callbacks then find nobody.
class Handle final : public LiveRead {
 public:
  explicit Handle(std::shared_ptr<Reading> reading) : reading_(std::move(reading)) {}

 private:
  std::shared_ptr<Reading> reading_;
};

}  // namespace

std::string LeaseBehind(const LiveState& live, const signals::Leases& cached) {
  for (const auto& [key, renewed] : live.leases) {
    const auto sight = cached.Find(key.first, key.second);
    const bool there = sight && sight->exists;
    if (there && renewed && *renewed == sight->renew_time) continue;
    if (!there && !renewed) continue;
    if (there && renewed && sight->age < signals::Leases::kDuration) continue;
    return "lease " + key.first + "/" + key.second;
  }
  return "";
}

std::unique_ptr<LiveRead> LiveRead::Start(Services& services, const World& world,
                                          policy::CompiledPolicyPtr policy, kube::ObjectKey key,
                                          Done done) {
  auto reading = std::make_shared<Reading>(services, world, std::move(policy), std::move(key),
                                           std::move(done));
  reading->Begin();
  return std::make_unique<Handle>(std::move(reading));
}

StatusOr<std::vector<DocumentPtr>> LiveSurroundings::Related(size_t join,
                                                             const document::Document&) const {
  return live_.related[join];
}

StatusOr<std::vector<signals::EventFacts>> LiveSurroundings::Events(
    size_t source, const document::Document& target, int64_t enough, absl::Time since) const {
  return cached_.Events(source, target, enough, since);
}

}  // namespace kr::remediation
