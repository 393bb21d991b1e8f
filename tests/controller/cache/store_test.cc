#include "controller/cache/store.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/documents.h"

namespace kr::cache {
namespace {

using document::DocumentPtr;
using ::kr::testing::Doc;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

DocumentPtr Pod(const std::string& name, const std::string& version,
                const std::string& phase = "Running", const std::string& uid = "",
                const std::vector<std::string>& paths = {""}) {
  return Doc({{"metadata",
               {{"namespace", "ns"},
                {"name", name},
                {"uid", uid.empty() ? "uid-" + name : uid},
                {"resourceVersion", version}}},
              {"status", {{"phase", phase}}}},
             paths);
}

// Writes down what it hears: "+a" new, "-a" gone, "a 1>2" changed from version 1 to 2.
class Journal final : public StoreObserver {
 public:
  void OnChange(ObjectId, const DocumentPtr& before, const DocumentPtr& after) override {
    const auto version = [](const DocumentPtr& object) {
      return std::string(object->resource_version());
    };
    if (!before) {
      heard.push_back("+" + std::string(after->name()) + " " + version(after));
    } else if (!after) {
      heard.push_back("-" + std::string(before->name()) + " " + version(before));
    } else {
      heard.push_back(std::string(after->name()) + " " + version(before) + ">" + version(after));
    }
  }
  std::vector<std::string> Take() { return std::exchange(heard, {}); }

  std::vector<std::string> heard;
};

class StoreTest : public ::testing::Test {
 protected:
  // A complete list at `version`.
  void List(const std::vector<DocumentPtr>& objects, const std::string& version) {
    store.BeginList();
    for (const DocumentPtr& object : objects) store.Upsert(object);
    store.EndList(version);
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    store.ForEach([&](ObjectId, const DocumentPtr& object) { names.emplace_back(object->name()); });
    std::sort(names.begin(), names.end());
    return names;
  }

  ObjectTable table;
  Journal journal;
  Store store{table, journal};
};

TEST_F(StoreTest, AppliesEvents) {
  store.Upsert(Pod("a", "1"));
  store.Upsert(Pod("b", "2"));
  store.Upsert(Pod("a", "3", "Failed"));
  store.Erase("ns", "b");
  store.Erase("ns", "nobody");
  EXPECT_THAT(journal.heard, ElementsAre("+a 1", "+b 2", "a 1>3", "-b 2"));
  EXPECT_EQ(store.size(), 1u);
  EXPECT_EQ(store.Find("ns", "a")->resource_version(), "3");
  EXPECT_FALSE(store.Find("ns", "b"));
  EXPECT_FALSE(store.Find("other", "a"));
  EXPECT_FALSE(store.Find("", "a"));
}

TEST_F(StoreTest, KnowsTheMemoryOfItsObjects) {
  store.Upsert(Pod("a", "1"));
  const size_t overhead = store.bytes() - store.Find("ns", "a")->bytes();
  const auto expected = [&] {
    size_t bytes = 0;
    store.ForEach(
        [&](ObjectId, const DocumentPtr& object) { bytes += object->bytes() + overhead; });
    return bytes;
  };
  const size_t small = store.bytes();
  store.Upsert(Pod("a", "200000000000000000000000"));  // the same body, a longer version
  EXPECT_GT(store.bytes(), small);
  EXPECT_EQ(store.bytes(), expected());
  store.Upsert(Pod("a", "300000000000000000000000", "Failed"));
  store.Upsert(Pod("a", "4", "Running", "another"));
  store.Upsert(Pod("b", "5"));
  EXPECT_EQ(store.bytes(), expected());
  store.Erase("ns", "b");
  EXPECT_EQ(store.bytes(), expected());
  List({}, "9");
  EXPECT_EQ(store.bytes(), 0u);
}

TEST_F(StoreTest, EqualBodyWakesNobodyButIsKept) {
  store.Upsert(Pod("a", "1"));
  journal.Take();
  store.Upsert(Pod("a", "2"));
  EXPECT_THAT(journal.heard, IsEmpty());
  EXPECT_EQ(store.Find("ns", "a")->resource_version(), "2");
}

TEST_F(StoreTest, AnotherProjectionIsAChange) {
  store.Upsert(Pod("a", "1", "Running", "", {"status.phase"}));
  journal.Take();
  store.Upsert(Pod("a", "1", "Running", "", {"status"}));
  EXPECT_THAT(journal.heard, ElementsAre("a 1>1"));
}

// Controllers compare UIDs; the key alone would hide that one ended and another began.
TEST_F(StoreTest, DeleteRecreateComparesUid) {
  store.Upsert(Pod("a", "1", "Running", "first"));
  store.Upsert(Pod("a", "5", "Running", "second"));
  EXPECT_THAT(journal.heard, ElementsAre("+a 1", "-a 1", "+a 5"));
  EXPECT_EQ(store.Find("ns", "a")->uid(), "second");
  EXPECT_EQ(store.size(), 1u);
}

TEST_F(StoreTest, UnfilledCacheIsNotAbsence) {
  EXPECT_FALSE(store.synced());
  store.BeginList();
  store.Upsert(Pod("a", "1"));
  EXPECT_FALSE(store.synced());
  EXPECT_TRUE(store.relisting());
  store.EndList("10");
  EXPECT_TRUE(store.synced());
  EXPECT_FALSE(store.relisting());
}

// client-go: SharedInformerWatchDisruption.
TEST_F(StoreTest, MissedDeleteSurfacesOnRelist) {
  List({Pod("a", "1"), Pod("b", "2"), Pod("c", "3")}, "3");
  journal.Take();
  List({Pod("a", "1"), Pod("c", "9", "Failed"), Pod("d", "8")}, "9");
  EXPECT_THAT(journal.heard, UnorderedElementsAre("c 3>9", "+d 8", "-b 2"));
  EXPECT_EQ(journal.heard.back(), "-b 2") << "what is gone is known at the end only";
  EXPECT_THAT(Names(), ElementsAre("a", "c", "d"));
}

TEST_F(StoreTest, ARelistOfTheSameTellsNothing) {
  List({Pod("a", "1"), Pod("b", "2")}, "2");
  const DocumentPtr before = store.Find("ns", "a");
  journal.Take();
  List({Pod("a", "1"), Pod("b", "2")}, "7");
  EXPECT_THAT(journal.heard, IsEmpty());
  EXPECT_EQ(store.Find("ns", "a"), before) << "the document is not even replaced";
}

TEST_F(StoreTest, ObjectsStayReadableDuringARelist) {
  List({Pod("a", "1"), Pod("b", "2")}, "2");
  store.BeginList();
  store.Upsert(Pod("b", "5", "Failed"));
  EXPECT_THAT(Names(), ElementsAre("a", "b"));
  EXPECT_TRUE(store.synced()) << "what was there once is still known";
}

TEST_F(StoreTest, EventsDuringAListCountForIt) {
  List({Pod("a", "1"), Pod("b", "2")}, "2");
  journal.Take();
  store.BeginList();
  store.Upsert(Pod("a", "1"));
  store.Erase("ns", "a");       // DELETED after its initial ADDED
  store.Upsert(Pod("n", "8"));  // created meanwhile
  store.EndList("9");
  EXPECT_THAT(Names(), ElementsAre("n"));
}

TEST_F(StoreTest, AListThatBeginsAgainForgetsTheFirstPart) {
  List({Pod("a", "1"), Pod("b", "2")}, "2");
  store.BeginList();
  store.Upsert(Pod("a", "1"));
  store.BeginList();  // broke off
  store.Upsert(Pod("b", "2"));
  store.EndList("9");
  EXPECT_THAT(Names(), ElementsAre("b"));
}

// Lists may break off many times before one ends: an old mark must never pass for a new one.
TEST_F(StoreTest, MarksSurviveGoingRound) {
  for (int broken_off = 0; broken_off < 520; ++broken_off) {
    Store other(table, journal);
    other.BeginList();
    other.Upsert(Pod("old", "1"));
    other.EndList("1");
    for (int i = 0; i < broken_off; ++i) other.BeginList();
    other.BeginList();
    other.Upsert(Pod("new", "2"));
    other.EndList("2");
    ASSERT_EQ(other.size(), 1u) << broken_off;
    ASSERT_TRUE(other.Find("ns", "new"));
  }
}

// A restored etcd: nothing is newer by its number.
TEST_F(StoreTest, OlderVersionsReplaceNewerOnes) {
  List({Pod("a", "100", "Failed")}, "100");
  List({Pod("a", "40", "Running")}, "41");
  EXPECT_EQ(store.Find("ns", "a")->resource_version(), "40");
  EXPECT_EQ(store.resource_version(), "41");
  EXPECT_FALSE(store.HasSeen("100"));
}

TEST_F(StoreTest, HasSeenComparesWithBookmarksToo) {
  EXPECT_FALSE(store.HasSeen("1")) << "nothing was listed";
  List({Pod("a", "5")}, "9");
  EXPECT_TRUE(store.HasSeen("9"));
  EXPECT_TRUE(store.HasSeen("5"));
  EXPECT_FALSE(store.HasSeen("10"));
  store.SetVersion("10");
  EXPECT_TRUE(store.HasSeen("10"));
  EXPECT_FALSE(store.HasSeen(""));
  EXPECT_FALSE(store.HasSeen("abc"));
  store.BeginList();
  EXPECT_FALSE(store.HasSeen("9")) << "a mixture has seen nothing";
}

TEST_F(StoreTest, IteratesByNamespace) {
  store.Upsert(Doc({{"metadata", {{"namespace", "x"}, {"name", "a"}}}}));
  store.Upsert(Doc({{"metadata", {{"namespace", "y"}, {"name", "a"}}}}));
  store.Upsert(Doc({{"metadata", {{"name", "a"}}}}));
  EXPECT_EQ(store.size(), 3u);
  std::vector<std::string> found;
  store.ForEachIn(
      "y", [&](ObjectId, const DocumentPtr& object) { found.emplace_back(object->name_space()); });
  EXPECT_THAT(found, ElementsAre("y"));
}

TEST_F(StoreTest, NumbersAreReusedAndTableEmptied) {
  {
    Journal other;
    Store second(table, other);
    for (int i = 0; i < 100; ++i) second.Upsert(Pod("p" + std::to_string(i), "1"));
    EXPECT_EQ(table.size(), 100u);
    second.Erase("ns", "p7");
    EXPECT_EQ(table.size(), 99u);
    second.Upsert(Pod("q", "1"));
    EXPECT_EQ(table.size(), 100u);
    EXPECT_EQ(second.Find("ns", "q")->name(), "q");
    EXPECT_EQ(other.heard.size(), 102u);
  }
  EXPECT_EQ(table.size(), 0u) << "a store that ends gives its objects back";
}

// The observer must be able to look: what it hears has already happened.
TEST(Store, ObserversSeeTheStoreAfterTheChange) {
  class Looker final : public StoreObserver {
   public:
    void OnChange(ObjectId, const DocumentPtr& before, const DocumentPtr& after) override {
      const std::string name(after ? after->name() : before->name());
      EXPECT_EQ(store->Find("ns", name), after);
      ++calls;
    }
    Store* store = nullptr;
    int calls = 0;
  };
  ObjectTable table;
  Looker looker;
  Store store(table, looker);
  looker.store = &store;
  store.Upsert(Pod("a", "1"));
  store.Upsert(Pod("a", "2", "Failed"));
  store.Erase("ns", "a");
  EXPECT_EQ(looker.calls, 3);
}

}  // namespace
}  // namespace kr::cache
