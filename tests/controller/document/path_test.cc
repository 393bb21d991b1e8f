#include "controller/document/path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/random_json.h"
#include "tests/support/status_matchers.h"

namespace kr::document {
namespace {

using ::kr::testing::StatusIs;
using ::testing::HasSubstr;

TEST(PathTest, ReadsAndWritesItsDottedForm) {
  const struct {
    const char* text;
    Path path;
  } cases[] = {
      {"", {{}, Depth::kValue}},
      {"?", {{}, Depth::kPresence}},
      {"spec", {{Step::Field("spec")}, Depth::kValue}},
      {"spec.containers[*].name",
       {{Step::Field("spec"), Step::Field("containers"), Step::Each(), Step::Field("name")},
        Depth::kValue}},
      {"[*]", {{Step::Each()}, Depth::kValue}},
      {"[*][*].a?", {{Step::Each(), Step::Each(), Step::Field("a")}, Depth::kPresence}},
      {"metadata.labels['app.kubernetes.io/name']",
       {{Step::Field("metadata"), Step::Field("labels"), Step::Field("app.kubernetes.io/name")},
        Depth::kValue}},
      {"['it\\'s a \\\\'].b", {{Step::Field("it's a \\"), Step::Field("b")}, Depth::kValue}},
      {"['']", {{Step::Field("")}, Depth::kValue}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    KR_ASSERT_OK_AND_ASSIGN(const Path path, Path::Parse(c.text));
    EXPECT_EQ(path, c.path);
    EXPECT_EQ(path.ToString(), c.text);
  }
}

TEST(PathTest, TakesFieldsInBracketsThatNeedNone) {
  KR_ASSERT_OK_AND_ASSIGN(const Path path, Path::Parse("['a']['b']"));
  EXPECT_EQ(path.ToString(), "a.b");
}

TEST(PathTest, SaysWhereAPathIsWrong) {
  const struct {
    const char* text;
    const char* message;
  } cases[] = {
      {".a", "column 1: expected a field"},
      {"a.", "column 3: expected a field"},
      {"a..b", "column 3: expected a field"},
      {"a[0]", "column 2: expected [*] or ['field']"},
      {"a[*", "column 2: expected [*] or ['field']"},
      {"a['b", "column 5: expected '] after the field"},
      {"a['b\\", "expected '] after the field"},
      {"a[*]b", "column 5: expected '.' or '['"},
      {"a?.b", "column 2: '?' is only allowed at the end"},
      {"a'b", "column 2: expected '.' or '['"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_THAT(Path::Parse(c.text),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.message)));
  }
}

TEST(PathTest, EveryPathSurvivesWritingAndReading) {
  testing::RandomJson random(1);
  for (int i = 0; i < 2'000; ++i) {
    const Path path = random.Path();
    KR_ASSERT_OK_AND_ASSIGN(const Path again, Path::Parse(path.ToString()));
    EXPECT_EQ(again, path) << path.ToString();
  }
}

}  // namespace
}  // namespace kr::document
