#include "controller/cache/relation_set.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controller/cache/watch_world.h"
#include "tests/support/documents.h"

namespace kr::cache {
namespace {

using document::DocumentPtr;
using ::kr::testing::ProjectionOf;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using Names = std::vector<std::string>;

void ByNodeName(const document::Document& pod, KeySink& sink) {
  sink.Add(pod.At("spec.nodeName").StringOr(""));
}
void ByName(const document::Document& object, KeySink& sink) {
  sink.Add(object.name());
}

Need NodeNeed() {
  return {.resource = Nodes(), .projection = ProjectionOf({"status.phase"})};
}
Need PodNeed(Names namespaces = {}) {
  return {.resource = Pods(),
          .namespaces = std::move(namespaces),
          .projection = ProjectionOf({"spec.nodeName"})};
}
RelationSpec PodsOnNode(const std::string& canonical = "PodsOnNode", Names namespaces = {}) {
  return {.canonical = canonical,
          .targets = NodeNeed(),
          .related = PodNeed(std::move(namespaces)),
          .key = ByNodeName,
          .equals = ByName};
}
RelationSpec NodeOfPod() {
  return {.canonical = "NodeOfPod",
          .targets = PodNeed(),
          .related = NodeNeed(),
          .key = ByName,
          .equals = ByNodeName};
}

class RelationSetTest : public ::testing::Test, private InformerObserver {
 protected:
  RelationSetTest() {
    world.server.Put("nodes", NodeJson("n1"));
    world.server.Put("nodes", NodeJson("n2"));
    world.server.Put("pods", PodJson("a", "x", "n1"));
    world.server.Put("pods", PodJson("b", "y", "n2"));
  }
  void Sync() {
    informers.Apply({NodeNeed(), PodNeed()});
    relations.Rebind();
    world.Run();
  }
  Names Woken(size_t max = 1000) {
    Names names;
    relations.Expand(max, [&](const Relation& relation, ObjectId id) {
      names.push_back(relation.spec().canonical + " " + std::string(table.Get(id)->name()));
    });
    return names;
  }
  static Names NamesOf(const std::vector<DocumentPtr>& objects) {
    Names names;
    for (const DocumentPtr& object : objects) names.emplace_back(object->name());
    return names;
  }
  DocumentPtr Node(const std::string& name) { return informers.Find(NodeNeed()).Find({"", name}); }
  DocumentPtr Pod(const std::string& name_space, const std::string& name) {
    return informers.Find(PodNeed()).Find({name_space, name});
  }

  void OnChange(const Informer& informer, ObjectId id, const DocumentPtr& before,
                const DocumentPtr& after) override {
    relations.OnChange(informer, id, before, after);
  }
  void OnSynced(const Informer&) override {}
  void OnViewsChanged() override { relations.Rebind(); }

  WatchWorld world;
  ObjectTable table;
  InformerSet informers{{}, world.context(), table, *this};
  RelationSet relations{table, informers};
};

TEST_F(RelationSetTest, TheSameWordsAreTheSameRelation) {
  const RelationHandle one = relations.Get(PodsOnNode());
  const RelationHandle same = relations.Get(PodsOnNode());
  const RelationHandle other = relations.Get(NodeOfPod());
  EXPECT_EQ(one, same);
  EXPECT_NE(one, other);
  EXPECT_EQ(relations.size(), 2u);
}

TEST_F(RelationSetTest, LivesAsLongAsSomebodyHoldsIt) {
  {
    const RelationHandle held = relations.Get(PodsOnNode());
    Sync();
    EXPECT_EQ(relations.size(), 1u);
    EXPECT_GT(relations.bytes(), 0u);
  }
  relations.Rebind();
  EXPECT_EQ(relations.size(), 0u);
  world.server.Put("pods", PodJson("a", "z", "n1"));
  world.Run();
}

TEST_F(RelationSetTest, FollowsItsInformers) {
  const RelationHandle handle = relations.Get(PodsOnNode());
  Sync();
  EXPECT_THAT(NamesOf(handle->Lookup(*Node("n1"))), ElementsAre("x"));
  Woken();
  world.server.Put("pods", PodJson("a", "x", "n2"));
  world.Run();
  EXPECT_THAT(Woken(), UnorderedElementsAre("PodsOnNode n1", "PodsOnNode n2"));
  EXPECT_THAT(NamesOf(handle->Lookup(*Node("n2"))), UnorderedElementsAre("x", "y"));
}

TEST_F(RelationSetTest, ALateRelationIsFilledByRebind) {
  Sync();
  const RelationHandle handle = relations.Get(PodsOnNode());
  EXPECT_THAT(handle->Lookup(*Node("n1")), IsEmpty());
  relations.Rebind();
  EXPECT_THAT(NamesOf(handle->Lookup(*Node("n1"))), ElementsAre("x"));
}

TEST_F(RelationSetTest, MovesToTheWiderWatchWithoutDoublesOrHoles) {
  const RelationHandle handle = relations.Get(PodsOnNode("narrow", {"a"}));
  informers.Apply({NodeNeed(), PodNeed({"a"})});
  world.Run();
  EXPECT_THAT(NamesOf(handle->Lookup(*Node("n1"))), ElementsAre("x"));
  informers.Apply({NodeNeed(), PodNeed({"a"}), PodNeed()});
  EXPECT_THAT(NamesOf(handle->Lookup(*Node("n1"))), ElementsAre("x"));
  world.Run();
  EXPECT_THAT(NamesOf(handle->Lookup(*Node("n1"))), ElementsAre("x"));
  EXPECT_THAT(handle->Lookup(*Node("n2")), IsEmpty()) << "namespace b was not asked for";
}

// Two watches have the object; a user who reads more can only be served by one of them.
TEST_F(RelationSetTest, IsFedByTheWatchThatKeepsWhatAllItsUsersRead) {
  const auto large = ProjectionOf({"spec"});
  Need by_name = PodNeed();
  by_name.names = {"x"};
  Need by_namespace = PodNeed({"a"});
  by_namespace.projection = large;
  RelationSpec spec = PodsOnNode("x in a", {"a"});
  spec.related.names = {"x"};
  const RelationHandle handle = relations.Get(spec);
  informers.Apply({NodeNeed(), by_name, by_namespace, spec.related});
  world.Run();
  const auto expect_large = [&](bool covers) {
    const std::vector<DocumentPtr> pods = handle->Lookup(*Node("n1"));
    ASSERT_EQ(pods.size(), 1u);
    EXPECT_EQ(pods[0]->projection().Covers(*large), covers);
  };
  expect_large(false);

  spec.related.projection = large;
  ASSERT_TRUE(informers.Find(spec.related).ready());
  RelationSpec of_before = spec;  // its user is still there
  of_before.related.projection = PodNeed().projection;
  relations.Get(of_before);
  relations.Get(spec);
  relations.Rebind();
  expect_large(true);
  relations.Get(spec);
  relations.Get(of_before);
  relations.Rebind();
  expect_large(true);
  relations.Get(of_before);
  relations.Rebind();
  expect_large(false);
}

// The nodes of a target's pods: the pods' keys are looked up when the target is evaluated.
TEST_F(RelationSetTest, TargetsThatWereSaidAreWokenByOtherInformersToo) {
  RelationSpec spec = NodeOfPod();
  spec.equals = nullptr;
  const RelationHandle said = relations.Get(spec);
  Sync();
  KeySink n1;
  n1.Add("n1");
  constexpr ObjectId kTarget = 42;
  said->SetTarget(kTarget, "", n1);
  EXPECT_THAT(NamesOf(said->Lookup("", n1)), ElementsAre("n1"));

  const auto woken = [&] {
    std::vector<ObjectId> ids;
    relations.Expand(10, [&](const Relation&, ObjectId id) { ids.push_back(id); });
    return ids;
  };
  nlohmann::json node = NodeJson("n2");
  node["status"]["phase"] = "Down";
  world.server.Put("nodes", node);
  world.Run();
  EXPECT_THAT(woken(), IsEmpty());
  world.server.Delete("nodes", "", "n1");
  world.Run();
  EXPECT_THAT(woken(), ElementsAre(kTarget));
  world.server.Put("nodes", NodeJson("n1"));
  world.Run();
  EXPECT_THAT(woken(), ElementsAre(kTarget)) << "also when it comes into being";
}

TEST_F(RelationSetTest, RelationsTakeTurns) {
  const RelationHandle one = relations.Get(PodsOnNode("one"));
  const RelationHandle two = relations.Get(PodsOnNode("two"));
  Sync();
  Woken();
  std::string previous;
  for (int i = 0; i < 4; ++i) {
    // Both are busy all the time.
    world.server.Put("pods", PodJson("a", "x", i % 2 == 0 ? "n2" : "n1"));
    world.Run();
    const Names woken = Woken(1);
    ASSERT_EQ(woken.size(), 1u);
    EXPECT_NE(woken[0].substr(0, 3), previous);
    previous = woken[0].substr(0, 3);
  }
}

}  // namespace
}  // namespace kr::cache
