#include "controller/cache/relation.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/cache/store.h"
#include "tests/controller/cache/watch_world.h"
#include "tests/support/documents.h"

namespace kr::cache {
namespace {

using document::DocumentPtr;
using ::kr::testing::Doc;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using Names = std::vector<std::string>;

// Pods on nodes: nodes are the targets.
RelationSpec PodsOnNode() {
  return {.canonical = "PodsOnNode",
          .targets = {.resource = Nodes()},
          .related = {.resource = Pods()},
          .key = [](const document::Document& pod,
                    KeySink& sink) { sink.Add(pod.At("spec.nodeName").StringOr("")); },
          .equals = [](const document::Document& node, KeySink& sink) { sink.Add(node.name()); }};
}

DocumentPtr Pod(const std::string& name, const std::string& node, const std::string& ns = "ns") {
  return Doc(PodJson(ns, name, node));
}
DocumentPtr Node(const std::string& name) {
  return Doc(NodeJson(name));
}

class RelationTest : public ::testing::Test {
 protected:
  ObjectId AddRelated(const DocumentPtr& object) {
    const ObjectId id = table.Add(object);
    relation.ChangeRelated(id, nullptr, object.get());
    return id;
  }
  ObjectId AddTarget(const DocumentPtr& object) {
    const ObjectId id = table.Add(object);
    relation.ChangeTarget(id, nullptr, object.get());
    return id;
  }
  void ReplaceRelated(ObjectId id, const DocumentPtr& after) {
    const DocumentPtr before = table.Replace(id, after);
    relation.ChangeRelated(id, before.get(), after.get());
  }
  void RemoveRelated(ObjectId id) {
    relation.ChangeRelated(id, table.Get(id).get(), nullptr);
    table.Remove(id);
  }

  Names Related(const DocumentPtr& target) const {
    Names names;
    for (const DocumentPtr& object : relation.Lookup(*target)) names.emplace_back(object->name());
    return names;
  }
  Names Dependents(size_t max = 1000) {
    Names names;
    relation.Expand(max, [&](ObjectId id) { names.emplace_back(table.Get(id)->name()); });
    return names;
  }

  ObjectTable table;
  Relation relation{PodsOnNode(), table};
};

TEST_F(RelationTest, LooksUpBothWays) {
  AddTarget(Node("n1"));
  AddTarget(Node("n2"));
  AddRelated(Pod("a", "n1"));
  AddRelated(Pod("b", "n2"));
  AddRelated(Pod("c", "n1"));
  AddRelated(Pod("pending", ""));
  EXPECT_THAT(Related(Node("n1")), ElementsAre("a", "c"));
  EXPECT_THAT(Related(Node("n2")), ElementsAre("b"));
  EXPECT_THAT(Related(Node("n3")), IsEmpty());
  EXPECT_EQ(relation.TargetsOf(*Pod("x", "n1")).size(), 1u);
  EXPECT_THAT(relation.TargetsOf(*Pod("x", "")), IsEmpty());
}

TEST_F(RelationTest, AChangeWakesOldAndNewKeys) {
  AddTarget(Node("n1"));
  AddTarget(Node("n2"));
  AddTarget(Node("n3"));
  const ObjectId pod = AddRelated(Pod("a", "n1"));
  EXPECT_THAT(Dependents(), ElementsAre("n1"));

  ReplaceRelated(pod, Pod("a", "n2"));
  EXPECT_THAT(Dependents(), UnorderedElementsAre("n1", "n2"));
  EXPECT_THAT(Related(Node("n1")), IsEmpty());
  EXPECT_THAT(Related(Node("n2")), ElementsAre("a"));

  nlohmann::json changed = PodJson("ns", "a", "n2");
  changed["status"]["phase"] = "Failed";
  ReplaceRelated(pod, Doc(changed));
  EXPECT_THAT(Dependents(), ElementsAre("n2")) << "same key, other content";

  RemoveRelated(pod);
  EXPECT_THAT(Dependents(), ElementsAre("n2"));
  EXPECT_THAT(Related(Node("n2")), IsEmpty());
  EXPECT_FALSE(relation.woken());
}

TEST_F(RelationTest, NoKeyWakesNobody) {
  AddTarget(Node("n1"));
  AddRelated(Pod("pending", ""));
  EXPECT_THAT(Dependents(), IsEmpty());
}

TEST_F(RelationTest, ATargetMayChangeWhatItEquals) {
  const ObjectId id = AddTarget(Node("n1"));
  const DocumentPtr before = table.Get(id), after = Node("n2");
  table.Replace(id, after);
  relation.ChangeTarget(id, before.get(), after.get());
  AddRelated(Pod("a", "n1"));
  EXPECT_THAT(Dependents(), IsEmpty());
  AddRelated(Pod("b", "n2"));
  EXPECT_THAT(Dependents(), ElementsAre("n2"));
  relation.ChangeTarget(id, after.get(), nullptr);
  AddRelated(Pod("c", "n2"));
  EXPECT_THAT(Dependents(), IsEmpty());
}

TEST_F(RelationTest, ABurstUnderOneKeyWakesATargetOnce) {
  AddTarget(Node("n1"));
  for (int i = 0; i < 100; ++i) AddRelated(Pod("p" + std::to_string(i), "n1"));
  EXPECT_THAT(Dependents(), ElementsAre("n1"));
}

TEST(Relation, SameNamespaceAndSlices) {
  ObjectTable table;
  RelationSpec spec = PodsOnNode();
  spec.same_namespace = true;
  spec.key = spec.equals = [](const document::Document&, KeySink& sink) { sink.Add("all"); };
  Relation relation(spec, table);
  for (int i = 0; i < 10; ++i) {
    const DocumentPtr target = Doc(PodJson(i < 7 ? "x" : "y", "t" + std::to_string(i)));
    relation.ChangeTarget(table.Add(target), nullptr, target.get());
  }
  const DocumentPtr related = Pod("r", "", "x");
  relation.ChangeRelated(table.Add(related), nullptr, related.get());
  EXPECT_EQ(relation.Lookup(*Doc(PodJson("x", "any"))).size(), 1u);
  EXPECT_EQ(relation.Lookup(*Doc(PodJson("y", "any"))).size(), 0u);
  size_t visited = 0;
  EXPECT_EQ(relation.Expand(5, [&](ObjectId) { ++visited; }), 5u);
  EXPECT_TRUE(relation.woken());
  EXPECT_EQ(relation.Expand(5, [&](ObjectId) { ++visited; }), 2u);
  EXPECT_EQ(visited, 7u);
}

TEST(Relation, ManyKeysCountOnceAndUpToALimit) {
  ObjectTable table;
  RelationSpec spec = PodsOnNode();
  spec.key = [](const document::Document& pod, KeySink& sink) {
    const int count = pod.name() == "huge" ? 1500 : 3;
    for (int i = 0; i < count; ++i) sink.Add("k" + std::to_string(i));
    sink.Add("k0");
    sink.Add("");
  };
  spec.equals = [](const document::Document&, KeySink& sink) {
    sink.Add("k0");
    sink.Add("k1");
  };
  Relation relation(spec, table);
  const DocumentPtr small = Pod("small", ""), huge = Pod("huge", "");
  relation.ChangeRelated(table.Add(small), nullptr, small.get());
  EXPECT_EQ(relation.left_out(), 0u);
  relation.ChangeRelated(table.Add(huge), nullptr, huge.get());
  EXPECT_EQ(relation.left_out(), 1500u + 1 - KeySink::kMaxKeys);
  EXPECT_EQ(relation.Lookup(*Node("any")).size(), 2u) << "each once, though two keys lead there";
}

// A watch that others need wider delivers objects that this need did not ask for.
TEST(Relation, HoldsOnlyWhatItsNeedsAskFor) {
  ObjectTable table;
  RelationSpec spec = PodsOnNode();
  spec.related.namespaces = {"x"};
  spec.targets.names = {"n1"};
  Relation relation(spec, table);
  const DocumentPtr inside = Pod("in", "n1", "x"), outside = Pod("out", "n1", "y");
  relation.ChangeRelated(table.Add(inside), nullptr, inside.get());
  relation.ChangeRelated(table.Add(outside), nullptr, outside.get());
  EXPECT_EQ(relation.Lookup(*Node("n1")).size(), 1u);
  EXPECT_EQ(relation.Lookup(*Node("n2")).size(), 0u);
}

// Who is a target by what more than one object says: a pod by what its namespace's owner said last.
TEST_F(RelationTest, TargetsMayBeSaid) {
  RelationSpec spec = PodsOnNode();
  spec.equals = nullptr;
  Relation said(spec, table);
  const auto dependents = [&] {
    std::vector<ObjectId> ids;
    said.Expand(100, [&](ObjectId id) { ids.push_back(id); });
    return ids;
  };
  const auto keys = [](const Names& names) {
    KeySink sink;
    for (const std::string& name : names) sink.Add(name);
    return sink;
  };
  said.SetTarget(7, "", keys({"n1", "n2", "n1"}));
  said.SetTarget(8, "", keys({"n2"}));
  const DocumentPtr first = Pod("a", "n1"), second = Pod("b", "n2");
  said.ChangeRelated(table.Add(first), nullptr, first.get());
  EXPECT_THAT(dependents(), ElementsAre(7));
  said.ChangeRelated(table.Add(second), nullptr, second.get());
  EXPECT_THAT(dependents(), ElementsAre(7, 8));
  EXPECT_EQ(said.Lookup("", keys({"n1", "n2"})).size(), 2u);
  EXPECT_THAT(said.TargetsOf(*second), ElementsAre(7, 8));

  said.SetTarget(7, "", keys({"n3"}));
  said.ChangeRelated(table.Add(first), nullptr, first.get());
  EXPECT_THAT(dependents(), IsEmpty());
  said.SetTarget(8, "", {});
  said.ChangeRelated(table.Add(second), nullptr, second.get());
  EXPECT_THAT(dependents(), IsEmpty());
  said.SetTarget(8, "", keys({"n2"}));
  said.ClearTargets();
  EXPECT_THAT(said.TargetsOf(*second), IsEmpty());
}

}  // namespace
}  // namespace kr::cache
