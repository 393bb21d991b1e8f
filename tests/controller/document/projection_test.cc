#include "controller/document/projection.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/documents.h"
#include "tests/support/random_json.h"
#include "tests/support/status_matchers.h"

namespace kr::document {
namespace {

using ::kr::testing::ProjectionOf;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ProjectionTest, PathsAreCanonicalSortedAndWithoutIdentity) {
  const struct {
    const char* name;
    std::vector<std::string> paths;
    std::vector<std::string> want;
  } cases[] = {
      {"nothing", {}, {}},
      {"identity is always kept", {"metadata.name", "metadata.uid?", "metadata?"}, {}},
      {"sorted, once", {"spec.b", "spec.a", "spec.b"}, {"spec.a", "spec.b"}},
      {"a whole subtree swallows", {"spec.a.b", "spec", "spec.c?"}, {"spec"}},
      {"presence goes with anything below", {"a?", "a.b?", "a.b.c"}, {"a.b.c"}},
      {"presence alone", {"a.b?"}, {"a.b?"}},
      {"each key implies the named one", {"a[*].x", "a.b.x"}, {"a[*].x"}},
      {"a named key reads more", {"a[*].x", "a.b.y"}, {"a.b.y", "a[*].x"}},
      {"everything", {"", "a.b"}, {""}},
      {"metadata stays whole", {"metadata", "metadata.labels"}, {"metadata"}},
      {"managedFields are never kept", {"metadata.managedFields[*].manager"}, {}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(ProjectionOf(c.paths)->Paths(), c.want);
  }
}

TEST(ProjectionTest, MetadataOnlyMeansThatNothingElseIsRead) {
  EXPECT_TRUE(ProjectionOf({})->MetadataOnly());
  EXPECT_TRUE(ProjectionOf({"metadata"})->MetadataOnly());
  EXPECT_TRUE(ProjectionOf({"metadata.labels", "metadata.ownerReferences[*].uid"})->MetadataOnly());
  EXPECT_FALSE(ProjectionOf({"metadata.labels", "spec.nodeName"})->MetadataOnly());
  EXPECT_FALSE(ProjectionOf({"kind"})->MetadataOnly());
  EXPECT_FALSE(ProjectionOf({"[*]?"})->MetadataOnly());
  EXPECT_FALSE(Projection::Everything()->MetadataOnly());
}

TEST(ProjectionTest, CoversWhatItKeeps) {
  const auto spec = ProjectionOf({"spec.containers[*].name", "status?"});
  EXPECT_TRUE(spec->Covers(*ProjectionOf({})));
  EXPECT_TRUE(spec->Covers(*spec));
  EXPECT_TRUE(spec->Covers(*ProjectionOf({"spec.containers[*]?", "metadata.name"})));
  EXPECT_FALSE(spec->Covers(*ProjectionOf({"spec.containers"})));
  EXPECT_FALSE(spec->Covers(*ProjectionOf({"spec.containers[*].image"})));
  EXPECT_FALSE(spec->Covers(*ProjectionOf({"status"})));
  EXPECT_FALSE(spec->Covers(*Projection::Everything()));
  EXPECT_TRUE(Projection::Everything()->Covers(*spec));
  EXPECT_TRUE(Projection::Everything()->Covers(*ProjectionOf({"metadata"})));
  EXPECT_FALSE(Projection::Everything()->Covers(*Path::Parse("metadata.managedFields[*].manager")));
}

// The definition, without a trie: does declaring `kept` let `read` be read?
bool Implies(const Path& kept, const Path& read) {
  const size_t common = std::min(kept.steps.size(), read.steps.size());
  for (size_t i = 0; i < common; ++i) {
    const Step& step = kept.steps[i];
    if (step.kind != Step::Kind::kEach && step != read.steps[i]) return false;
  }
  if (kept.depth == Depth::kValue && kept.steps.size() <= read.steps.size()) return true;
  return read.depth == Depth::kPresence && read.steps.size() <= kept.steps.size();
}

bool IsManagedFields(const Path& path) {
  return path.steps.size() >= 2 && path.steps[0] == Step::Field("metadata") &&
         path.steps[1] == Step::Field("managedFields");
}

TEST(ProjectionTest, CoversExactlyWhatSomeDeclaredPathImplies) {
  testing::RandomJson random(2);
  int covered = 0;
  for (int round = 0; round < 1'000; ++round) {
    std::vector<Path> paths;
    for (uint64_t i = random.Below(6); i > 0; --i) paths.push_back(random.Path());
    std::erase_if(paths, IsManagedFields);
    const Projection::Ptr projection = Projection::Of(paths);
    for (const char* field : {"name", "namespace", "uid", "resourceVersion"}) {
      paths.push_back({{Step::Field("metadata"), Step::Field(field)}, Depth::kValue});
    }
    for (int i = 0; i < 20; ++i) {
      const Path read = random.Path();
      const bool want = !IsManagedFields(read) &&
                        std::any_of(paths.begin(), paths.end(),
                                    [&](const Path& kept) { return Implies(kept, read); });
      EXPECT_EQ(projection->Covers(read), want) << read.ToString();
      if (!IsManagedFields(read)) {
        EXPECT_EQ(projection->Covers(*Projection::Of({&read, 1})), want) << read.ToString();
      }
      covered += want ? 1 : 0;
    }
  }
  EXPECT_GT(covered, 2'000);  // the property is not vacuous
}

TEST(ProjectionTest, ItsPathsMakeTheSameProjectionAgain) {
  testing::RandomJson random(3);
  for (int round = 0; round < 1'000; ++round) {
    std::vector<Path> paths;
    for (uint64_t i = random.Below(7); i > 0; --i) paths.push_back(random.Path());
    const Projection::Ptr projection = Projection::Of(paths);
    const Projection::Ptr again = ProjectionOf(projection->Paths());
    EXPECT_TRUE(projection->Covers(*again) && again->Covers(*projection));
    EXPECT_EQ(again->Paths(), projection->Paths());
    std::shuffle(paths.begin(), paths.end(), std::mt19937(static_cast<unsigned>(round)));
    EXPECT_EQ(Projection::Of(paths)->Paths(), projection->Paths());
  }
}

}  // namespace
}  // namespace kr::document
