#include "controller/cache/informer_set.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/controller/cache/watch_world.h"
#include "tests/support/documents.h"

namespace kr::cache {
namespace {

using document::DocumentPtr;
using ::kr::testing::ProjectionOf;
using Names = std::vector<std::string>;

Need PodNeed(Names namespaces, const Names& paths = {"spec.nodeName"}) {
  return {
      .resource = Pods(), .namespaces = std::move(namespaces), .projection = ProjectionOf(paths)};
}

class Observer final : public InformerObserver {
 public:
  void OnChange(const Informer&, ObjectId, const DocumentPtr&, const DocumentPtr& after) override {
    if (!after) ++deleted;
  }
  void OnSynced(const Informer&) override {}
  void OnViewsChanged() override { ++views_changed; }
  int deleted = 0;
  int views_changed = 0;
};

class InformerSetTest : public ::testing::Test {
 protected:
  InformerSetTest() {
    for (const char* name_space : {"a", "b", "c"}) {
      for (const char* name : {"x", "y"}) world.server.Put("pods", PodJson(name_space, name));
    }
    Reset({});
  }
  void Reset(const InformerSet::Options& options) {
    set = std::make_unique<InformerSet>(options, world.context(), table, observer);
  }
  std::vector<std::string> Open() const {
    std::vector<std::string> open;
    set->ForEach(
        [&](const Informer& informer) { open.push_back(informer.spec().scope.ToString()); });
    return open;
  }
  size_t Size(const Need& need) const {
    size_t size = 0;
    set->Find(need).ForEach([&](ObjectId, const DocumentPtr&) { ++size; });
    return size;
  }

  WatchWorld world;
  ObjectTable table;
  Observer observer;
  std::unique_ptr<InformerSet> set;
};

TEST_F(InformerSetTest, OpensAtOnceWhatIsNew) {
  EXPECT_FALSE(set->Find(PodNeed({})).ready());
  EXPECT_TRUE(set->Find(PodNeed({})).Stale());
  set->Apply({PodNeed({"a"})});
  EXPECT_EQ(Open(), Names{"pods in a"});
  EXPECT_FALSE(set->Find(PodNeed({"a"})).ready()) << "nothing was listed yet";
  world.Run();
  EXPECT_TRUE(set->Find(PodNeed({"a"})).ready());
  EXPECT_FALSE(set->Find(PodNeed({"a"})).Stale());
  EXPECT_EQ(Size(PodNeed({"a"})), 2u);
  EXPECT_FALSE(set->Find(PodNeed({"b"})).ready());
  EXPECT_FALSE(set->Find(PodNeed({"a"}, {"status"})).ready()) << "not among what was kept";
}

TEST_F(InformerSetTest, AViewOfSeveralNamespacesNeedsAllOfThem) {
  set->Apply({PodNeed({"a", "b"})});
  world.Run();
  const View view = set->Find(PodNeed({"a", "b"}));
  EXPECT_TRUE(view.ready());
  EXPECT_EQ(view.informers().size(), 2u);
  EXPECT_TRUE(view.Find({"b", "x"}));
  EXPECT_FALSE(view.Find({"c", "x"}));
  EXPECT_TRUE(view.HasSeen("101"));
  EXPECT_FALSE(view.HasSeen("999"));
  EXPECT_FALSE(set->Find(PodNeed({"a", "c"})).ready());
}

TEST_F(InformerSetTest, GrowthIsDebouncedAndTheOldStoreServes) {
  const Need small = PodNeed({});
  const Need large = PodNeed({}, {"spec.nodeName", "status.phase"});
  set->Apply({small});
  world.Run();
  const int watches = world.server.watches;

  set->Apply({small, large});
  world.Advance(absl::Seconds(1));
  set->Apply({small, large, PodNeed({}, {"metadata.labels"})});
  world.Advance(absl::Milliseconds(900));
  EXPECT_EQ(world.server.watches, watches) << "waits for more of the same";
  EXPECT_TRUE(set->Find(small).ready());
  EXPECT_FALSE(set->Find(large).ready());

  world.Advance(absl::Milliseconds(200));
  EXPECT_EQ(world.server.watches, watches + 1) << "one list for both";
  EXPECT_TRUE(set->Find(small).ready());
  EXPECT_TRUE(set->Find(large).ready());
  EXPECT_EQ(observer.deleted, 0);
}

TEST_F(InformerSetTest, NoVerdictFromOldDocumentsWhileItGrows) {
  const Need large = PodNeed({}, {"spec.nodeName", "status.phase"});
  set->Apply({PodNeed({})});
  world.Advance(absl::Seconds(3));
  set->Apply({large});
  world.clock.Advance(absl::Seconds(3));
  world.transport.RunDue();
  while (world.inbox.RunOne()) {
  }
  EXPECT_FALSE(set->Find(large).ready());
  EXPECT_TRUE(set->Find(PodNeed({})).ready());
  EXPECT_TRUE(set->Find(PodNeed({})).Stale()) << "relisting: nothing is written";
  world.Run();
  EXPECT_TRUE(set->Find(large).ready());
  EXPECT_FALSE(set->Find(large).Stale());
}

TEST_F(InformerSetTest, ShrinksAtMostHourly) {
  const Need large = PodNeed({}, {"spec.nodeName", "status.phase"});
  set->Apply({large});
  world.Advance(absl::Seconds(3));
  const uint64_t lists = set->Find(large).informers()[0]->reflector().counters().lists;
  set->Apply({PodNeed({})});
  world.Advance(absl::Minutes(50));
  const Informer* informer = set->Find(PodNeed({})).informers()[0];
  EXPECT_EQ(informer->reflector().counters().lists, lists);
  world.Advance(absl::Minutes(11));
  EXPECT_EQ(informer->reflector().counters().lists, lists + 1);
  EXPECT_FALSE(set->Find(large).ready());
  EXPECT_TRUE(set->Find(PodNeed({})).ready());
}

TEST_F(InformerSetTest, WhereMemoryIsShortWhatIsNotNeededGoesAtOnce) {
  const Need large = PodNeed({}, {"spec.nodeName", "status.phase"});
  set->Apply({large});
  world.Advance(absl::Seconds(3));
  EXPECT_GT(set->bytes(), 0u);
  set->ApplyAtOnce({PodNeed({})});
  world.Run();
  EXPECT_FALSE(set->Find(large).ready());
  EXPECT_TRUE(set->Find(PodNeed({})).ready());
  // Although what takes its place has not been listed.
  const int views_changed = observer.views_changed;
  set->ApplyAtOnce({PodNeed({"a"})});
  EXPECT_EQ(Open(), Names{"pods in a"});
  EXPECT_GT(observer.views_changed, views_changed);
  EXPECT_EQ(set->bytes(), 0u);
  set->ApplyAtOnce({});
  EXPECT_EQ(Open(), Names{});
  EXPECT_EQ(observer.deleted, 0) << "they are not gone";
}

TEST_F(InformerSetTest, NoVerdictFromNewDocumentsThatKeepLessWhileItShrinks) {
  const Need large = PodNeed({}, {"spec.nodeName", "status.phase"});
  set->Apply({large});
  world.Advance(absl::Seconds(3));
  set->Apply({PodNeed({})});
  world.Advance(absl::Minutes(61));
  ASSERT_FALSE(set->Find(large).ready());
  set->Apply({large});
  world.Advance(absl::Seconds(3));
  ASSERT_TRUE(set->Find(large).ready());

  set->Apply({PodNeed({})});
  world.Advance(absl::Minutes(59));
  const int views_changed = observer.views_changed;
  world.clock.Advance(absl::Minutes(2));
  world.transport.RunDue();
  while (world.inbox.RunOne()) {
  }
  EXPECT_FALSE(set->Find(large).ready()) << "its documents are being replaced by smaller ones";
  EXPECT_TRUE(set->Find(PodNeed({})).ready());
  EXPECT_GT(observer.views_changed, views_changed);
}

TEST_F(InformerSetTest, WhatGrowsAndShrinksAtOnceServesBoth) {
  const Need kept = PodNeed({}, {"spec.nodeName"});
  const Need added = PodNeed({}, {"spec.nodeName", "metadata.labels"});
  set->Apply({PodNeed({}, {"spec.nodeName", "status.phase"})});
  world.Advance(absl::Seconds(3));
  set->Apply({added});
  world.clock.Advance(absl::Seconds(3));
  world.transport.RunDue();
  while (world.inbox.RunOne()) {
  }
  EXPECT_TRUE(set->Find(kept).ready()) << "documents of before and after have it";
  world.Run();
  EXPECT_TRUE(set->Find(added).ready());
  // What nobody asks for any more goes later.
  const Informer* informer = set->Find(added).informers()[0];
  EXPECT_TRUE(informer->spec().projection->Covers(*ProjectionOf({"status.phase"})));
  world.Advance(absl::Minutes(61));
  EXPECT_FALSE(informer->spec().projection->Covers(*ProjectionOf({"status.phase"})));
  EXPECT_TRUE(set->Find(added).ready());
}

TEST_F(InformerSetTest, AGrowthIsNotHeldUpByAShrinkThatWaits) {
  const Need large = PodNeed({}, {"spec.nodeName", "status.phase"});
  set->Apply({large});
  world.Advance(absl::Seconds(3));
  set->Apply({PodNeed({})});
  world.Advance(absl::Seconds(3));
  const Need other = PodNeed({}, {"spec.nodeName", "metadata.labels"});
  set->Apply({other});
  world.Advance(absl::Seconds(3));
  EXPECT_TRUE(set->Find(other).ready());
}

TEST_F(InformerSetTest, GrowingIntoAWholeObjectLeavesMetadataOnly) {
  set->Apply({PodNeed({}, {"metadata.labels"})});
  world.Run();
  EXPECT_NE(world.transport.last().request.accept.find("PartialObjectMetadata"), std::string::npos);
  set->Apply({PodNeed({}, {"metadata.labels", "spec"})});
  world.Advance(absl::Seconds(3));
  EXPECT_EQ(world.transport.last().request.accept.find("PartialObjectMetadata"), std::string::npos);
  EXPECT_TRUE(set->Find(PodNeed({}, {"spec"})).ready());
}

TEST_F(InformerSetTest, NarrowServesUntilWideHasSynced) {
  const Need narrow = PodNeed({"a"});
  set->Apply({narrow});
  world.Run();
  set->Apply({narrow, PodNeed({})});
  EXPECT_EQ(Open(), (Names{"pods", "pods in a"}));
  EXPECT_TRUE(set->Find(narrow).ready());
  EXPECT_EQ(set->Find(narrow).informers()[0]->spec().scope.name_space, "a");
  const uint64_t version = set->version();
  world.Run();
  EXPECT_EQ(Open(), Names{"pods"});
  EXPECT_NE(set->version(), version);
  EXPECT_TRUE(set->Find(narrow).ready());
  EXPECT_EQ(Size(narrow), 6u) << "a view may hold more than was asked for";
  EXPECT_EQ(observer.deleted, 0) << "a watch that closes says nothing about its objects";
}

TEST_F(InformerSetTest, WideServesUntilNarrowHasSynced) {
  set->Apply({PodNeed({})});
  world.Run();
  set->Apply({PodNeed({"a"})});
  EXPECT_EQ(Open(), (Names{"pods", "pods in a"}));
  EXPECT_TRUE(set->Find(PodNeed({"a"})).ready());
  world.Advance(absl::Seconds(3));
  EXPECT_EQ(Open(), Names{"pods in a"});
  EXPECT_EQ(Size(PodNeed({"a"})), 2u);
}

TEST_F(InformerSetTest, WhatNobodyNeedsIsClosed) {
  set->Apply({PodNeed({})});
  world.Run();
  EXPECT_GT(table.size(), 0u);
  set->Apply({});
  EXPECT_EQ(Open(), Names{"pods"}) << "policies are edited by delete and create";
  set->Apply({PodNeed({})});
  world.Advance(absl::Seconds(3));
  EXPECT_EQ(Open(), Names{"pods"});
  set->Apply({});
  world.Advance(absl::Seconds(3));
  EXPECT_EQ(Open(), Names{});
  EXPECT_EQ(table.size(), 0u);
  EXPECT_FALSE(world.transport.last().open);
}

TEST_F(InformerSetTest, AnotherKindDoesNotHoldAReplacedWatchOpen) {
  set->Apply({PodNeed({"a"})});
  world.Run();
  world.server.refusals.assign(100, {.code = 403, .body = "no"});
  set->Apply({{.resource = Nodes(), .projection = ProjectionOf({"status"})}});
  world.Advance(absl::Seconds(3));
  EXPECT_EQ(Open(), Names{"nodes"});
  EXPECT_EQ(
      set->Find({.resource = Nodes(), .projection = ProjectionOf({"status"})}).problem().code(),
      absl::StatusCode::kPermissionDenied);
}

TEST_F(InformerSetTest, TellsWhenViewsChange) {
  set->Apply({PodNeed({})});
  EXPECT_EQ(observer.views_changed, 1) << "opened";
  world.Run();
  EXPECT_EQ(observer.views_changed, 2) << "synced";
  set->Apply({PodNeed({})});
  world.Advance(absl::Seconds(3));
  EXPECT_EQ(observer.views_changed, 2);
}

TEST_F(InformerSetTest, NothingHappensAfterItsEnd) {
  set->Apply({PodNeed({})});
  set.reset();
  world.Advance(absl::Seconds(5));
  EXPECT_EQ(table.size(), 0u);
}

}  // namespace
}  // namespace kr::cache
