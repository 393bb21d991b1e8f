// Engine rule: a document that was projected answers like the whole object, or says that it cannot.

#include <gtest/gtest.h>

#include "controller/document/document.h"
#include "tests/support/documents.h"
#include "tests/support/random_json.h"

namespace kr::document {
namespace {

using ::kr::testing::Doc;
using ::kr::testing::RandomJson;
using ::nlohmann::json;

// Nobody may, and `full` does not have them.
bool ReadsManagedFields(const Path& path) {
  return path.ToString().starts_with("metadata.managedFields") ||
         path.ToString().starts_with("[*].managedFields");
}

bool NoVerdict(const Node& node) {
  return node.kind() == Kind::kUnprojected || node.kind() == Kind::kOpaque;
}

// `full` is what the whole object has there, null when it has nothing.
void ExpectSameValue(const Node& node, const json* full, Depth depth) {
  if (full == nullptr) {
    EXPECT_EQ(node.kind(), Kind::kAbsent);
  } else if (depth == Depth::kValue) {
    EXPECT_TRUE(node.Complete());
    EXPECT_EQ(node.ToJson(), *full);
  } else {
    EXPECT_EQ(node.kind() == Kind::kNull, full->is_null());
    EXPECT_NE(node.kind(), Kind::kAbsent);
    EXPECT_NE(node.kind(), Kind::kUnprojected);
  }
}

// Nothing was promised about this value: whatever is said must still be true.
void ExpectNoWrongVerdict(const Node& node, const json* full) {
  if (NoVerdict(node)) {
    EXPECT_FALSE(node.Complete());
  } else if (full == nullptr) {
    EXPECT_EQ(node.kind(), Kind::kAbsent);
  } else {
    EXPECT_NE(node.kind(), Kind::kAbsent);
    EXPECT_EQ(node.is_map(), full->is_object());
    EXPECT_EQ(node.is_list(), full->is_array());
    EXPECT_TRUE(!node.Complete() || node.ToJson() == *full);
    EXPECT_TRUE(!node.Iterable() || node.size() == full->size());
  }
}

class Comparison {
 public:
  Comparison(const Path& path, bool covered) : path_(path), covered_(covered) {}

  void Compare(const Node& node, const json* full, size_t step) {
    ++compared;
    EXPECT_TRUE(!NoVerdict(node) || !covered_ || step == path_.steps.size());
    if (step == path_.steps.size()) {
      covered_ ? ExpectSameValue(node, full, path_.depth) : ExpectNoWrongVerdict(node, full);
    } else if (path_.steps[step].kind == Step::Kind::kField) {
      const std::string& field = path_.steps[step].field;
      const bool has = full != nullptr && full->is_object() && full->contains(field);
      Compare(node.Field(field), has ? &(*full)[field] : nullptr, step + 1);
    } else if (node.Iterable()) {
      ASSERT_TRUE(full != nullptr);
      ASSERT_EQ(node.size(), full->size());
      for (size_t i = 0; i < node.size(); ++i) {
        if (node.is_list()) {
          Compare(node.At(i), &(*full)[i], step + 1);
        } else {
          const std::string key(node.KeyAt(i));
          ASSERT_TRUE(full->contains(key));
          Compare(node.ValueAt(i), &(*full)[key], step + 1);
        }
      }
    } else if (covered_) {
      EXPECT_FALSE(full != nullptr && (full->is_array() || full->is_object()));
    }
  }

  int compared = 0;

 private:
  const Path& path_;
  bool covered_;
};

TEST(ProjectionPropertyTest, AProjectedObjectAnswersLikeTheWholeOneOrNotAtAll) {
  RandomJson random(4);
  int compared = 0;
  for (int round = 0; round < 1'500 && !::testing::Test::HasFailure(); ++round) {
    json object = random.Object();
    std::vector<Path> kept;
    std::vector<std::string> texts;
    for (uint64_t i = random.Below(5); i > 0; --i) {
      kept.push_back(random.Path());
      texts.push_back(kept.back().ToString());
    }
    const DocumentPtr document = Doc(object, texts);
    object["metadata"].erase("managedFields");
    for (int i = 0; i < 10; ++i) {
      const Path path =
          i < static_cast<int>(kept.size()) ? kept[static_cast<size_t>(i)] : random.Path();
      SCOPED_TRACE("round " + std::to_string(round) + ": reading " + path.ToString() + " kept " +
                   json(texts).dump() + " of " + object.dump(-1, ' ', true));
      if (ReadsManagedFields(path)) continue;
      Comparison comparison(path, document->projection().Covers(path));
      comparison.Compare(document->root(), &object, 0);
      compared += comparison.compared;
    }
  }
  EXPECT_GT(compared, 30'000);
}

TEST(ProjectionPropertyTest, EverythingReadsBackAsItWas) {
  RandomJson random(5);
  for (int round = 0; round < 2'000; ++round) {
    const json value = random.Value(4);
    EXPECT_EQ(Doc(json::array({value}))->ToJson(), json::array({value})) << value;
    json object = random.Object();
    const DocumentPtr document = Doc(object);
    object["metadata"].erase("managedFields");
    EXPECT_EQ(document->ToJson(), object) << object;
  }
}

TEST(ProjectionPropertyTest, SameBodyMeansEqualButForResourceVersion) {
  RandomJson random(6);
  int same = 0;
  for (int round = 0; round < 2'000; ++round) {
    json a = random.Object();
    json b = random.Below(2) == 0 ? a : random.Object();
    if (random.Below(2) == 0) b["metadata"]["resourceVersion"] = random.Below(1'000'000);
    if (random.Below(4) == 0) b["spec"] = random.Value(2);
    const std::vector<std::string> paths = {random.Path().ToString(), random.Path().ToString()};
    const DocumentPtr x = Doc(a, paths);
    const DocumentPtr y = Doc(b, paths);
    json left = x->ToJson();
    json right = y->ToJson();
    for (json* side : {&left, &right}) {
      if (side->is_object() && side->contains("metadata") && (*side)["metadata"].is_object()) {
        (*side)["metadata"].erase("resourceVersion");
      }
    }
    EXPECT_EQ(x->SameBody(*y), left == right) << a << b << json(paths);
    same += left == right ? 1 : 0;
  }
  EXPECT_GT(same, 400);
}

}  // namespace
}  // namespace kr::document
