#include "reconcilers/remediation/live_check.h"

#include <algorithm>
#include <utility>

#include "controller/kube/api_error.h"
#include "controller/kube/request.h"
#include "reconcilers/policy/place.h"

namespace kr::remediation {
namespace {

using document::DocumentPtr;

// The label selector with which a workload finds its pods.
std::string PodSelector(const nlohmann::json& target) {
  const auto pointer = nlohmann::json::json_pointer("/spec/selector/matchLabels");
  if (!target.contains(pointer) || !target[pointer].is_object()) return "";
  std::string selector;
  for (const auto& [key, value] : target[pointer].items()) {
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
      live_.related.resize(policy_->related.size());
      return NextJoin(0);
    }
    live_.target = nlohmann::json::parse(reply->body, nullptr, false);
    auto document = services_.decoder.DecodeObject(reply->body, world_.TargetProjection(*policy_));
    if (!document.ok()) return Fail(document.status());
    live_.document = *std::move(document);
    live_.related.resize(policy_->related.size());
    NextJoin(0);
  }

  void NextJoin(size_t join) {
    join_ = join;
    if (join == policy_->related.size()) return Finish();
    const policy::RelatedJoin& spec = policy_->related[join];
    const auto resource = world_.Find(spec.gvk);
    if (!resource) return Fail(Unavailable("discovery does not know " + spec.gvk.kind));
    kube::ListOptions options;
    if (resource->namespaced) {
      options.name_space = spec.same_namespace ? key_.name_space : spec.name_space;
    }
    if (spec.owned_pods) options.label_selector = PodSelector(live_.target);
    if (spec.selector) options.label_selector = spec.selector->ToString();
    if (spec.names.size() == 1) options.field_selector = "metadata.name=" + spec.names[0];
    Send(kube::ListObjects(*resource, options), &Reading::OnList);
  }

  void OnList(StatusOr<kube::Reply> reply) {
    if (!reply.ok()) return Fail(reply.status());
    auto page =
        services_.decoder.DecodeList(reply->body, world_.RelatedProjection(*policy_, join_));
    if (!page.ok()) return Fail(page.status());
    const policy::RelatedJoin& spec = policy_->related[join_];
    const policy::Keys wanted = spec.equals(*live_.document);
    for (DocumentPtr& object : page->items) {
      const policy::Keys keys = spec.key(*object);
      const bool joined = std::any_of(keys.begin(), keys.end(), [&](const std::string& key) {
        return std::find(wanted.begin(), wanted.end(), key) != wanted.end();
      });
      if (joined) live_.related[join_].push_back(std::move(object));
    }
    NextJoin(join_ + 1);
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
  size_t join_ = 0;
};

// Destroying it lets go of the reading, whose callbacks then find nobody.
class Handle final : public LiveRead {
 public:
  explicit Handle(std::shared_ptr<Reading> reading) : reading_(std::move(reading)) {}

 private:
  std::shared_ptr<Reading> reading_;
};

}  // namespace

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
