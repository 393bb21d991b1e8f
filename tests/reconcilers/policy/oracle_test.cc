// At rest, what was kept up to date step by step equals what one computes from scratch, twice over:
// by evaluating every policy on the whole objects of the server with joins by brute force, and by
// another stack that begins with the final state. In between: random changes, deletes, keys that
// move, cut streams, re-lists, Events, kinds that appear, policies that are made, edited and
// deleted while evaluations are under way. And no verdict ever rests on a document that was made
// before its policy needed more of it.
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "reconcilers/policy/evaluate.h"
#include "tests/reconcilers/policy/policy_world.h"
#include "tests/support/sanitized.h"

namespace kr::policy {
namespace {

using document::DocumentPtr;
using nlohmann::json;
using signals::Tri;

// What a stack says about one policy.
struct Verdicts {
  bool settled = false;
  int64_t selected = 0;
  std::map<std::string, std::string> sick;  // "namespace/name": True or Unknown
  friend bool operator==(const Verdicts&, const Verdicts&) = default;
};
std::ostream& operator<<(std::ostream& os, const Verdicts& v) {
  os << (v.settled ? "settled, " : "not settled, ") << v.selected << " selected, sick:";
  for (const auto& [key, value] : v.sick) os << " " << key << "=" << value;
  return os;
}

// By the name of the policy.
std::map<std::string, Verdicts> VerdictsOf(const PolicyStack& stack) {
  std::map<std::string, Verdicts> all;
  for (const auto& [uid, targets] : stack.symptoms.policies()) {
    Verdicts& verdicts = all[targets.policy->name];
    verdicts.settled = targets.settled;
    verdicts.selected = targets.selected;
    for (const auto& [key, sick] : targets.sick) {
      verdicts.sick[key.name_space + "/" + key.name] = signals::Name(sick.symptom.value);
    }
  }
  return all;
}

// The server's objects as a policy would see them that reads everything, joined by comparing each
// with each. Events are no state: those are what the stack has counted.
class WholeObjects final : public Surroundings {
 public:
  WholeObjects(const PolicyWorld& world, PolicyStack& stack, const CompiledPolicy& policy)
      : world_(world), stack_(stack), policy_(policy) {}

  std::vector<DocumentPtr> All(const kube::GroupVersionKind& kind) const {
    std::vector<DocumentPtr> all;
    for (const auto& [path, kinds] : stack_.discovery.kinds) {
      for (const auto& [plural, name] : kinds) {
        if (name != kind.kind) continue;
        for (const auto& [key, object] : world_.server.Objects(plural)) {
          all.push_back(stack_.decoder.FromJson(object));
        }
      }
    }
    return all;
  }

  DocumentPtr Find(const document::Document& target) const {
    for (DocumentPtr& object : All(policy_.target)) {
      if (object->name() == target.name() && object->name_space() == target.name_space()) {
        return object;
      }
    }
    return {};
  }
  bool Selects(const document::Document& object) const {
    if (!policy_.selector.Matches(object)) return false;
    const auto& selector = policy_.spec.target.namespace_selector;
    if (!selector) return true;
    const auto namespaces = world_.server.Objects("namespaces");
    const auto found = namespaces.find("/" + std::string(object.name_space()));
    return found != namespaces.end() &&
           LabelsMatch(*selector, *stack_.decoder.FromJson(found->second));
  }

  StatusOr<std::vector<DocumentPtr>> Related(size_t join,
                                             const document::Document& target) const override {
    const RelatedJoin& spec = policy_.related[join];
    // What each object that the join starts from brings, with its namespace.
    std::vector<std::pair<std::string, cache::KeySink>> starts;
    if (spec.of) {
      KR_ASSIGN_OR_RETURN(const std::vector<DocumentPtr> objects, Related(*spec.of, target));
      KR_RETURN_IF_ERROR(CheckMax(policy_.related[*spec.of], objects.size()));
      for (const DocumentPtr& object : objects) {
        spec.equals(*object, starts.emplace_back(object->name_space(), cache::KeySink()).second);
      }
    } else if (spec.equals) {
      spec.equals(target, starts.emplace_back(target.name_space(), cache::KeySink()).second);
    } else {
      const TargetView view(policy_, Find(target), *this, {.now = world_.clock.Now()});
      KR_RETURN_IF_ERROR(
          spec.said(view, starts.emplace_back(target.name_space(), cache::KeySink()).second));
    }
    std::vector<DocumentPtr> related;
    for (DocumentPtr& object : All(spec.gvk)) {
      cache::KeySink keys;
      spec.key(*object, keys);
      const bool joined = std::any_of(starts.begin(), starts.end(), [&](const auto& start) {
        return (!spec.same_namespace || start.first == object->name_space()) &&
               cache::Joined(spec.kind, keys, start.second);
      });
      if (joined) related.push_back(std::move(object));
    }
    return related;
  }

  StatusOr<std::vector<signals::EventFacts>> Events(size_t source, const document::Document& target,
                                                    int64_t, absl::Time since) const override {
    const EventSource& spec = policy_.events[source];
    std::vector<signals::EventFacts> facts;
    const auto add = [&](const kube::GroupVersionKind& kind, const document::Document& object) {
      const crds::ObjectReference ref{kind.ApiVersion(), kind.kind,
                                      std::string(object.name_space()), std::string(object.name()),
                                      std::string(object.uid())};
      signals::EventFacts about =
          stack_.watches.event_log().About(policy_, spec, ref, since, world_.clock.Now());
      if (about.count > 0) facts.push_back(std::move(about));
    };
    if (std::holds_alternative<crds::AboutTarget>(spec.spec.about)) {
      add(policy_.target, target);
      return facts;
    }
    const std::string& about = std::get<crds::AboutRelated>(spec.spec.about).related;
    for (size_t join = 0; join < policy_.related.size(); ++join) {
      if (policy_.related[join].name != about) continue;
      KR_ASSIGN_OR_RETURN(const std::vector<DocumentPtr> related, Related(join, target));
      for (const DocumentPtr& object : related) add(policy_.related[join].gvk, *object);
    }
    return facts;
  }

  Verdicts Recompute() const {
    Verdicts verdicts{.settled = true};
    for (const DocumentPtr& object : All(policy_.target)) {
      if (!Selects(*object)) continue;
      ++verdicts.selected;
      const TargetView view(policy_, object, *this, {.now = world_.clock.Now()});
      const Tri value = Evaluate(policy_, view).symptom.value;
      if (value == Tri::kFalse) continue;
      verdicts.sick[std::string(object->name_space()) + "/" + std::string(object->name())] =
          signals::Name(value);
    }
    return verdicts;
  }

 private:
  const PolicyWorld& world_;
  PolicyStack& stack_;
  const CompiledPolicy& policy_;
};

// Of each open watch what it keeps.
std::map<std::string, document::Projection::Ptr> WatchesOf(const PolicyStack& stack) {
  std::map<std::string, document::Projection::Ptr> open;
  stack.watches.informers().ForEach([&](const cache::Informer& informer) {
    open[informer.spec().scope.ToString()] = informer.spec().projection;
  });
  return open;
}

// One random history of a cluster.
class History {
 public:
  explicit History(unsigned long seed) : world_(seed), pods_(OneIn(3) ? 70 : 12) {
    world_.server.max_piece = 1 + Pick(4000);
  }

  void Play() {
    PolicyStack stack(world_);
    for (int round = 0; round < 4; ++round) {
      for (int step = 0; step < 60; ++step) Step(stack);
      // Nothing is under way any more: waits of streams and of discovery are over.
      world_.server.refusals.clear();
      stack.Advance(absl::Minutes(4));
      ExpectEqualsRecomputation(stack);
      ExpectEqualsANewStack(stack);
      ASSERT_FALSE(::testing::Test::HasFailure()) << "round " << round;
    }
    EXPECT_GT(stack.verdicts(), 0u);
  }

 private:
  size_t Pick(size_t below) {
    return static_cast<size_t>(world_.random.Uniform() * static_cast<double>(below));
  }
  bool OneIn(size_t n) { return Pick(n) == 0; }
  template <typename T>
  const T& Of(const std::vector<T>& choices) {
    return choices[Pick(choices.size())];
  }
  std::string Namespace() { return Of<std::string>({"a", "b", "c"}); }
  std::string PodName() { return "p" + std::to_string(Pick(pods_)); }
  std::string ConfigName() { return "c" + std::to_string(Pick(6)); }
  std::string PolicyName() { return "policy-" + std::to_string(Pick(4)); }

  json Object(const std::string& name) {
    json object = {{"metadata", {{"namespace", Namespace()}, {"name", name}}}};
    if (!OneIn(3)) object["metadata"]["labels"] = {{"sick", Of<std::string>({"yes", "no"})}};
    for (const char* field : {"x", "y", "z"}) {
      if (!OneIn(4)) object["spec"][field] = Pick(10);
    }
    if (!OneIn(3)) {
      object["spec"]["since"] = absl::FormatTime(
          "%Y-%m-%dT%H:%M:%SZ", world_.clock.Now() + absl::Seconds(Pick(600)), absl::UTCTimeZone());
    }
    if (!OneIn(3)) object["spec"]["config"] = ConfigName();
    if (OneIn(3)) object["spec"]["selector"] = Selector();
    return object;
  }
  json Selector() {
    const std::string value = Of<std::string>({"yes", "no"});
    switch (Pick(4)) {
      case 0:
        return {{"sick", value}};
      case 1:
        return {{"matchLabels", {{"sick", value}}}};
      case 2:
        return {{"matchExpressions", {{{"key", "sick"}, {"operator", "DoesNotExist"}}}}};
      default:
        return json::object();
    }
  }

  // Joins of pods, alone (`r`) and with a second hop from them (`h`), by keys and by selectors, by
  // what one object says and by what all joined ones say together.
  json Joins() {
    json r = {{"name", "r"}, {"apiVersion", "v1"}, {"kind", "Pod"}};
    switch (Pick(4)) {
      case 0:
        r["labels"] = "it.metadata.?labels.orValue({})";
        r["selectedBy"] = "object.?spec.?selector";
        break;
      case 1:
        r["labels"] = "object.metadata.?labels.orValue({})";
        r["selectedBy"] = "it.?spec.?selector";
        break;
      default:
        r["key"] = "it.?spec.?config";
        r["equals"] = "target.name";
    }
    if (!OneIn(3)) r["sameNamespace"] = true;
    if (OneIn(3)) r["where"] = "it.?spec.?z.orValue(0) < 8";
    if (OneIn(3)) return json::array({r});
    json h = {{"name", "h"}, {"apiVersion", "v1"}, {"kind", Of<std::string>({"ConfigMap", "Pod"})}};
    switch (Pick(6)) {
      case 0:
        h["key"] = "it.metadata.name";
        h["equals"] = "related.r.map(p, p.?spec.?config.orValue(''))";
        break;
      case 1:
        h["labels"] = "it.metadata.?labels.orValue({})";
        h["selectedBy"] = "related.r.map(p, p.?spec.?selector.orValue(null))";
        break;
      case 2:
        h["of"] = "r";
        h["labels"] = "of.metadata.?labels.orValue({})";
        h["selectedBy"] = "it.?spec.?selector";
        break;
      case 3:
        h["of"] = "r";
        h["labels"] = "it.metadata.?labels.orValue({})";
        h["selectedBy"] = "of.?spec.?selector";
        break;
      default:
        h["of"] = "r";
        h["key"] = "it.metadata.name";
        h["equals"] = "of.?spec.?config";
    }
    if (!OneIn(3)) h["sameNamespace"] = true;
    return json::array({r, h});
  }

  // Expressions over the target and, with a join, over what is joined. Each reads other fields;
  // some fail on some objects, some change by themselves.
  json Match(bool joined, bool hop = false, bool with_params = false) {
    std::vector<std::string> choices = {
        "object.metadata.?labels.?sick.orValue('') == 'yes'",
        "object.?spec.?x.orValue(0) > 6",
        "object.?spec.?y.orValue(0) > object.?spec.?z.orValue(0)",
        "object.spec.z > 7",
        "now - timestamp(object.spec.since) > duration('3m')",
        "!has(object.spec) || object.?spec.?y.orValue(9) == 9",
        "target.name.endsWith('1')",
    };
    if (joined) {
      choices = {
          "related.r.exists(r, r.?spec.?x.orValue(0) > 7)",
          "related.r.size() > 2",
          "related.r.all(r, r.metadata.?labels.?sick.orValue('') == 'yes')",
          "related.r.exists(r, r.spec.y > 8)",
          "related.r.exists(r, now - timestamp(r.spec.since) > duration('4m'))",
      };
    }
    if (hop) {
      choices = {
          "related.h.exists(h, h.?spec.?x.orValue(0) > 7)",
          "related.h.size() > related.r.size()",
          "related.h.exists(h, h.metadata.?labels.?sick.orValue('') == 'yes')",
          "variables.old || related.h.exists(h, h.spec.y > 8)",
      };
    }
    if (with_params) choices = {"object.?spec.?x.orValue(0) > params.limit", "params.on"};
    return {{"name", "m"}, {"expression", Of(choices)}};
  }

  json Policy(const std::string& name) {
    json target = {{"apiVersion", "v1"},
                   {"kind", Of<std::string>({"ConfigMap", "ConfigMap", "Pod"})}};
    if (OneIn(8)) target = {{"apiVersion", "later.example/v1"}, {"kind", "Gadget"}};
    switch (Pick(5)) {
      case 0:
        target["all"] = true;
        break;
      case 1:
        target["namespaces"] = {Namespace()};
        break;
      case 2:
        target["namespaces"] = {"a", "b"};
        break;
      case 3:
        target["namespaceSelector"] = {{"matchLabels", {{"tenant", "yes"}}}};
        break;
      default:
        target["names"] = {target["kind"] == "Pod" ? PodName() : ConfigName()};
    }
    if (OneIn(3)) target["excludeSelector"] = {{"matchLabels", {{"sick", "no"}}}};
    json spec = {{"target", target},
                 {"recovery", {{"healthy", {{{"name", "h"}, {"expression", "true"}}}}}},
                 {"remedies", {{{"name", "r"}, {"steps", {{{"notify", {{"message", "m"}}}}}}}}},
                 {"triggers", json::array()}};
    const bool joined = target["kind"] == "ConfigMap" && !OneIn(3);
    if (joined) spec["related"] = Joins();
    const bool hop = joined && spec["related"].size() > 1;
    if (hop) {
      spec["variables"] = {
          {{"name", "old"},
           {"expression", "related.h.exists(h, now - timestamp(h.spec.since) > duration('4m'))"}}};
    }
    const bool with_params = OneIn(4);
    if (with_params) {
      spec["params"] = {{{"name", "limit"}, {"type", "integer"}, {"default", Pick(10)}},
                        {{"name", "on"}, {"type", "boolean"}, {"default", false}}};
      if (!OneIn(4)) {
        spec["paramRef"] = {{"namespace", "a"}, {"name", "params"}, {"optional", OneIn(2)}};
      }
    }
    if (OneIn(2)) {
      json source = {{"name", "e"}, {"type", "Warning"}, {"reason", "^Sick$"}, {"within", "10m"}};
      if (joined && OneIn(2)) source["about"] = {{"related", hop && OneIn(2) ? "h" : "r"}};
      spec["events"] = json::array({source});
    }
    for (size_t i = 0, n = 1 + Pick(2); i < n; ++i) {
      json trigger = {{"name", "t" + std::to_string(i)}};
      if (spec.contains("events") && OneIn(2)) {
        trigger["events"] = {{"from", "e"}, {"count", 1 + Pick(3)}};
      }
      if (!trigger.contains("events") || OneIn(2)) {
        trigger["match"] =
            json::array({Match(joined && OneIn(2), hop && OneIn(2), with_params && OneIn(2))});
      }
      if (OneIn(3)) trigger["for"] = "1m";
      spec["triggers"].push_back(trigger);
    }
    const auto old = world_.server.Objects("remediationpolicies");
    const auto before = old.find("/" + name);
    const int generation =
        before == old.end() ? 1 : before->second["metadata"]["generation"].get<int>() + 1;
    return {{"apiVersion", "kube-remedy.io/v1alpha1"},
            {"kind", "RemediationPolicy"},
            {"metadata", {{"name", name}, {"generation", generation}}},
            {"spec", spec}};
  }

  void PostEvent() {
    const bool pod = !OneIn(3);
    const std::string plural = pod ? "pods" : "configmaps";
    const auto objects = world_.server.Objects(plural);
    if (objects.empty()) return;
    const json& about = std::next(objects.begin(), static_cast<long>(Pick(objects.size())))->second;
    const std::string time = absl::FormatTime(
        "%Y-%m-%dT%H:%M:%SZ", world_.clock.Now() - absl::Seconds(Pick(200)), absl::UTCTimeZone());
    world_.server.Put("events", {{"metadata",
                                  {{"namespace", about["metadata"]["namespace"]},
                                   {"name", "e" + std::to_string(Pick(20))},
                                   {"creationTimestamp", time}}},
                                 {"involvedObject",
                                  {{"kind", pod ? "Pod" : "ConfigMap"},
                                   {"namespace", about["metadata"]["namespace"]},
                                   {"name", about["metadata"]["name"]},
                                   {"uid", about["metadata"]["uid"]}}},
                                 {"type", "Warning"},
                                 {"reason", OneIn(4) ? "Fine" : "Sick"},
                                 {"message", "m"},
                                 {"firstTimestamp", time},
                                 {"lastTimestamp", time},
                                 {"count", 1 + Pick(3)}});
  }

  void Step(PolicyStack& stack) {
    switch (Pick(22)) {
      case 20:
        world_.server.Put(
            "namespaces",
            {{"metadata",
              {{"name", Namespace()}, {"labels", {{"tenant", Of<std::string>({"yes", "no"})}}}}}});
        break;
      case 21:
        if (OneIn(3)) {
          world_.server.Delete("configmaps", "a", "params");
        } else {
          world_.server.Put("configmaps",
                            {{"metadata", {{"namespace", "a"}, {"name", "params"}}},
                             {"data",
                              {{"limit", OneIn(5) ? "many" : std::to_string(Pick(10))},
                               {"on", Of<std::string>({"true", "false"})}}}});
        }
        break;
      case 0:
      case 1:
        world_.server.Put("remediationpolicies", Policy(PolicyName()));
        break;
      case 2:
        if (OneIn(2)) world_.server.Delete("remediationpolicies", "", PolicyName());
        break;
      case 3:
        world_.server.Delete("pods", Namespace(), PodName());
        break;
      case 4:
        world_.server.Delete("configmaps", Namespace(), ConfigName());
        break;
      case 5:
        world_.server.Compact();
        break;
      case 6:
        world_.server.CutAll(OneIn(2) ? OkStatus() : Unavailable("reset"));
        break;
      case 7:
        world_.server.refusals.push_back({.code = Of<int>({429, 500, 403, 404}), .body = "no"});
        break;
      case 8:
        if (OneIn(4)) {
          world_.server.streaming = static_cast<testing::FakeApiServer::Streaming>(Pick(4));
        }
        break;
      case 9:
      case 10:
        PostEvent();
        break;
      case 11:
        if (OneIn(4)) stack.discovery.kinds["/apis/later.example/v1"] = {{"gadgets", "Gadget"}};
        world_.server.Put("gadgets", Object("g" + std::to_string(Pick(3))));
        break;
      case 12:
        stack.Advance(absl::Milliseconds(Pick(5000)));
        break;
      case 13:
        if (OneIn(4)) stack.Advance(absl::Seconds(Pick(300)));
        break;
      case 14:
      case 15:
        // What was posted arrives in one go, in between each other: objects, policies, Events.
        stack.Run();
        break;
      case 16:
        world_.server.Put("configmaps", Object(ConfigName()));
        break;
      default:
        world_.server.Put("pods", Object(PodName()));
    }
  }

  void ExpectEqualsRecomputation(PolicyStack& stack) {
    std::map<std::string, Verdicts> want;
    for (const CompiledPolicyPtr& policy : stack.policies.Compiled()) {
      const bool missing = policy->target.group == "later.example" &&
                           !stack.discovery.kinds.contains("/apis/later.example/v1");
      EXPECT_EQ(stack.watches.ReadinessOf(*policy).state,
                missing ? Watches::Readiness::State::kInactive : Watches::Readiness::State::kReady)
          << policy->name << ": " << stack.watches.ReadinessOf(*policy).message;
      if (!missing) want[policy->name] = WholeObjects(world_, stack, *policy).Recompute();
    }
    std::map<std::string, Verdicts> got = VerdictsOf(stack);
    std::erase_if(got, [&](const auto& entry) {
      return !want.contains(entry.first) && !entry.second.settled;
    });
    EXPECT_EQ(got, want);
    for (const auto& [name, verdicts] : want) {
      if (got[name] == verdicts) continue;
      ADD_FAILURE() << name << " is "
                    << world_.server.Objects("remediationpolicies").at("/" + name)["spec"].dump();
    }
    EXPECT_TRUE(stack.symptoms.idle());
  }

  // The server's present state is all that the other one ever hears of. It has heard no Events.
  void ExpectEqualsANewStack(PolicyStack& stack) {
    PolicyWorld world(1);
    world.clock.Advance(world_.clock.Monotonic() - world.clock.Monotonic());
    for (const char* plural :
         {"namespaces", "pods", "configmaps", "gadgets", "remediationpolicies"}) {
      for (const auto& [key, object] : world_.server.Objects(plural)) {
        world.server.Put(plural, object);
      }
    }
    PolicyStack fresh(world);
    fresh.discovery.kinds = stack.discovery.kinds;
    fresh.Advance(absl::Seconds(5));
    stack.Advance(absl::Seconds(5));

    const auto watches = WatchesOf(stack);
    const auto fresh_watches = WatchesOf(fresh);
    EXPECT_EQ(watches.size(), fresh_watches.size());
    for (const auto& [scope, projection] : fresh_watches) {
      ASSERT_TRUE(watches.contains(scope)) << scope;
      EXPECT_TRUE(watches.at(scope)->Covers(*projection)) << scope;
    }
    EXPECT_EQ(stack.watches.relations().size(), fresh.watches.relations().size());
    auto got = VerdictsOf(stack), want = VerdictsOf(fresh);
    for (const CompiledPolicyPtr& policy : stack.policies.Compiled()) {
      if (!policy->watches_events()) continue;
      got[policy->name].sick.clear();
      want[policy->name].sick.clear();
    }
    EXPECT_EQ(got, want);
  }

  PolicyWorld world_;
  const size_t pods_;
};

constexpr unsigned long kHistoriesPerTest = 20;

class PolicyOracle : public ::testing::TestWithParam<unsigned long> {};

TEST_P(PolicyOracle, IncrementalVerdictsEqualRecomputation) {
  for (unsigned long i = 0; i < kHistoriesPerTest; ++i) {
    const unsigned long seed = GetParam() * kHistoriesPerTest + i;
    SCOPED_TRACE("seed " + std::to_string(seed));
    History(seed).Play();
    ASSERT_FALSE(HasFailure());
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, PolicyOracle,
                         ::testing::Range(0ul, kr::testing::Repetitions(20ul)));

}  // namespace
}  // namespace kr::policy
