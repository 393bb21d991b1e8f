// At rest, what was kept up to date step by step equals what one computes from scratch: stores,
// relations and who was woken, after random interleavings of changes, cut streams, forgotten
// history, restored backups, overload and changing needs.
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "controller/cache/informer_set.h"
#include "controller/cache/relation_set.h"
#include "tests/controller/cache/watch_world.h"
#include "tests/support/documents.h"

namespace kr::cache {
namespace {

using document::DocumentPtr;
using ::kr::testing::FakeApiServer;
using ::kr::testing::ProjectionOf;
using Names = std::vector<std::string>;

// What an evaluation of one node would see: its pods, with all that is kept of them.
using Judgement = std::map<std::string, std::string>;

class Engine final : public InformerObserver {
 public:
  explicit Engine(WatchWorld& world)
      : world_(world),
        informers_({}, world.context(), table_, *this),
        relations_(table_, informers_) {
    spec_ = {
        .canonical = "PodsOnNode",
        .targets = {.resource = Nodes(), .projection = ProjectionOf({"status.phase"})},
        .related = {.resource = Pods(), .projection = ProjectionOf({"spec.nodeName"})},
        .key = [](const document::Document& pod,
                  KeySink& sink) { sink.Add(pod.At("spec.nodeName").StringOr("")); },
        .equals = [](const document::Document& node, KeySink& sink) { sink.Add(node.name()); }};
    handle_ = relations_.Get(spec_);
  }

  void Need(const std::vector<cache::Need>& extra) {
    std::vector<cache::Need> needs = {spec_.targets, spec_.related};
    needs.insert(needs.end(), extra.begin(), extra.end());
    informers_.Apply(needs);
  }

  void OnChange(const Informer& informer, ObjectId id, const DocumentPtr& before,
                const DocumentPtr& after) override {
    relations_.OnChange(informer, id, before, after);
    if (informer.spec().scope.resource != Nodes()) return;
    if (after) {
      Judge(*after);
    } else {
      judgements_.erase(std::string(before->name()));
    }
  }
  void OnSynced(const Informer&) override {}
  void OnViewsChanged() override { relations_.Rebind(); }

  // Evaluates whoever was woken, and nobody else.
  void Settle() {
    while (relations_.Expand(3, [&](const Relation&, ObjectId id) { Judge(*table_.Get(id)); }) >
           0) {
    }
  }

  Judgement Look(const document::Document& node) const {
    Judgement judgement;
    for (const DocumentPtr& pod : handle_->Lookup(node)) {
      judgement[std::string(pod->name_space()) + "/" + std::string(pod->name())] =
          pod->ToJson()["spec"].dump();
    }
    return judgement;
  }

  const InformerSet& informers() const { return informers_; }
  const RelationSpec& spec() const { return spec_; }
  const std::map<std::string, Judgement>& judgements() const { return judgements_; }

 private:
  void Judge(const document::Document& node) { judgements_[std::string(node.name())] = Look(node); }

  WatchWorld& world_;
  ObjectTable table_;
  InformerSet informers_;
  RelationSet relations_;
  RelationSpec spec_;
  RelationHandle handle_;
  std::map<std::string, Judgement> judgements_;
};

class Oracle : public ::testing::TestWithParam<int> {
 protected:
  Oracle() { world.random = SeededRandom(static_cast<unsigned long>(GetParam())); }

  size_t Pick(size_t below) {
    return static_cast<size_t>(world.random.Uniform() * static_cast<double>(below));
  }
  std::string NodeName() { return "n" + std::to_string(Pick(6)); }
  std::string PodName() { return "p" + std::to_string(Pick(25)); }
  std::string Namespace() { return Pick(2) == 0 ? "a" : "b"; }

  void Step(Engine& engine) {
    switch (Pick(16)) {
      case 0:
        world.server.Put("nodes", NodeJson(NodeName()));
        break;
      case 1:
        world.server.Delete("nodes", "", NodeName());
        break;
      case 2:
      case 3:
        world.server.Delete("pods", Namespace(), PodName());
        break;
      case 4:
        world.server.Compact();
        break;
      case 5:
        world.server.CutAll(Pick(2) == 0 ? OkStatus() : Unavailable("reset"));
        break;
      case 6:
        world.server.Bookmark();
        break;
      case 7:
        world.server.refusals.push_back({.code = Pick(2) == 0 ? 429 : 500, .body = "no"});
        break;
      case 8:
        world.server.streaming = static_cast<FakeApiServer::Streaming>(Pick(4));
        break;
      case 9:
        if (Pick(4) == 0) backup = world.server.TakeBackup();
        if (Pick(10) == 0 && backup.has_value()) {
          // Nobody can tell when history has gone back and then past what we have seen.
          world.server.Restore(*backup);
          EndQuietly();
        }
        break;
      case 10:
        Refocus(engine);
        break;
      case 11:
        world.Advance(absl::Seconds(Pick(90)));
        break;
      case 12:  // half of what is on its way arrives
        world.transport.RunDue();
        world.server.Serve();
        for (size_t i = world.inbox.inputs() / 2; i > 0; --i) world.inbox.RunOne();
        break;
      default:
        world.server.Put("pods", PodJson(Namespace(), PodName(), Pick(4) == 0 ? "" : NodeName()));
    }
    if (Pick(3) == 0) engine.Settle();
  }

  // Silent watches (of a version that is the server's future) are found out when they end.
  void EndQuietly() {
    world.server.refusals.clear();
    for (int quiet = 0; quiet < 3; ++quiet) {
      world.Advance(absl::Minutes(5));
      world.server.CutAll(OkStatus());
    }
    world.Advance(absl::Minutes(5));
  }

  // Others need more, or less.
  void Refocus(Engine& engine) {
    const Names paths[] = {{"spec.nodeName"}, {"spec"}, {"metadata.labels"}};
    std::vector<Need> extra;
    for (size_t i = Pick(3); i > 0; --i) {
      extra.push_back({.resource = Pods(),
                       .namespaces = Pick(2) == 0 ? Names{} : Names{Namespace()},
                       .projection = ProjectionOf(paths[Pick(3)])});
    }
    engine.Need(extra);
  }

  void ExpectEqualsServer(const Engine& engine) {
    std::map<std::string, Judgement> want;
    for (const auto& [key, node] : world.server.Objects("nodes")) {
      want[node["metadata"]["name"].get<std::string>()];
    }
    const View pods = engine.informers().Find(engine.spec().related);
    ASSERT_TRUE(pods.ready()) << pods.problem();
    size_t count = 0;
    pods.ForEach([&](ObjectId, const DocumentPtr&) { ++count; });
    const auto on_server = world.server.Objects("pods");
    EXPECT_EQ(count, on_server.size());
    for (const auto& [key, pod] : on_server) {
      const std::string name_space = pod["metadata"]["namespace"].get<std::string>();
      const std::string name = pod["metadata"]["name"].get<std::string>();
      const DocumentPtr mine = pods.Find({name_space, name});
      ASSERT_TRUE(mine) << key;
      EXPECT_EQ(mine->resource_version(), pod["metadata"]["resourceVersion"].get<std::string>());
      if (!pod["spec"].contains("nodeName")) continue;
      const auto judged = want.find(pod["spec"]["nodeName"].get<std::string>());
      if (judged != want.end()) judged->second[key] = mine->ToJson()["spec"].dump();
    }
    EXPECT_EQ(engine.judgements(), want);
  }

  WatchWorld world;
  std::optional<FakeApiServer::Backup> backup;
};

TEST_P(Oracle, IncrementalStateEqualsRecomputation) {
  world.server.max_piece = 1 + Pick(2000);
  world.inbox.limit = Pick(2) == 0 ? 1000 : 1 << 20;
  Engine engine(world);
  engine.Need({});
  for (int round = 0; round < 12; ++round) {
    for (int step = 0; step < 40; ++step) Step(engine);
    EndQuietly();
    engine.Settle();
    ASSERT_NO_FATAL_FAILURE(ExpectEqualsServer(engine)) << "round " << round;
    ASSERT_FALSE(HasFailure()) << "round " << round;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Oracle, ::testing::Range(1, 26));

}  // namespace
}  // namespace kr::cache
