#include "crds/meta/json_reader.h"

#include <variant>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crds/meta/json_writer.h"
#include "crds/meta/meta_fields.h"

namespace kr::crds {

// A small API type of the test's own.
enum class Colour { kRed, kBlue };
template <>
struct EnumNames<Colour> {
  static constexpr std::pair<Colour, std::string_view> kNames[] = {{Colour::kRed, "Red"},
                                                                   {Colour::kBlue, "Blue"}};
};
struct Hammer {
  int64_t weight = 1;
  friend bool operator==(const Hammer&, const Hammer&) = default;
};
struct Saw {
  std::string blade;
  friend bool operator==(const Saw&, const Saw&) = default;
};
struct Box {
  std::string name;
  Colour colour = Colour::kBlue;
  bool open = false;
  int64_t count = 2;
  absl::Duration age = absl::Minutes(1);
  std::optional<absl::Time> packed;
  IntOrPercent share = IntOrPercent::Count(1);
  std::vector<std::string> tags;
  std::vector<Saw> saws;
  std::map<std::string, std::string> labels;
  RawJson extra;
  std::variant<std::monostate, Hammer, Saw> tool;
  friend bool operator==(const Box&, const Box&) = default;
};

template <typename V>
void Describe(V& v, Member<V, Hammer>& x) {
  v.Field("weight", x.weight, Between(1, 10));
}
template <typename V>
void Describe(V& v, Member<V, Saw>& x) {
  v.Field("blade", x.blade, Text(8));
}
template <typename V>
void Describe(V& v, Member<V, Box>& x) {
  v.Field("name", x.name, Text(kDnsLabel, 10).Required());
  v.Field("colour", x.colour);
  v.Field("open", x.open);
  v.Field("count", x.count, Between(1, 5));
  v.Field("age", x.age, Between(absl::Seconds(1), absl::Hours(1)));
  v.Field("packed", x.packed);
  v.Field("share", x.share, Rules{.min = 1});
  v.Field("tags", x.tags, Text(5).Items(0, 3, "*").Clamped());
  v.Field("saws", x.saws, Items(0, 2, "blade"));
  v.Field("labels", x.labels, Text(5).Items(0, 2));
  v.Field("extra", x.extra, Text(20));
  v.template Alternative<Hammer>("hammer", x.tool);
  v.template InlineAlternative<Saw>(x.tool);
  v.ExactlyOne("a hammer or a blade");
}

namespace {

using ::testing::ElementsAre;

std::vector<std::string> ProblemsOf(const std::string& json, Box* result = nullptr) {
  Problems problems;
  const FieldPath root("box");
  Box box;
  JsonReader::ReadObject(nlohmann::json::parse(json), root, problems,
                         [&](JsonReader& reader) { Describe(reader, box); });
  if (result != nullptr) *result = box;
  return problems.reported();
}

// `fields` beside those that are required.
std::vector<std::string> ProblemsWith(const std::string& fields) {
  return ProblemsOf(R"({"name": "b", "blade": "x", )" + fields + "}");
}

TEST(JsonReader, AbsentAndNullKeepTheDefault) {
  Box box;
  EXPECT_THAT(ProblemsOf(R"({"name": "b", "hammer": {}, "count": null, "age": null,
                             "tags": null, "colour": null, "packed": null})",
                         &box),
              ElementsAre());
  EXPECT_EQ(box, (Box{.name = "b", .tool = Hammer{}}));
}

TEST(JsonReader, ReadsEveryType) {
  Box box;
  EXPECT_THAT(ProblemsOf(R"({"name": "b", "colour": "Red", "open": true, "count": 5, "age": "1m5s",
      "packed": "2026-01-02T03:04:05Z", "share": "50%", "tags": ["a", "b"],
      "saws": [{"blade": "x"}], "labels": {"k": "v"}, "extra": {"b": [1], "a": null},
      "hammer": {"weight": 3}})",
                         &box),
              ElementsAre());
  EXPECT_EQ(box.colour, Colour::kRed);
  EXPECT_TRUE(box.open);
  EXPECT_EQ(box.count, 5);
  EXPECT_EQ(box.age, absl::Seconds(65));
  EXPECT_EQ(box.packed, absl::FromUnixSeconds(1'767'323'045));
  EXPECT_EQ(box.share, IntOrPercent::Percent(50));
  EXPECT_THAT(box.tags, ElementsAre("a", "b"));
  EXPECT_EQ(box.saws.at(0).blade, "x");
  EXPECT_EQ(box.labels.at("k"), "v");
  EXPECT_EQ(box.extra.text(), R"({"a":null,"b":[1]})");
  EXPECT_EQ(std::get<Hammer>(box.tool).weight, 3);
}

TEST(JsonReader, SaysWhereWhatWasExpectedAndWhatWasFound) {
  struct Case {
    std::string fields, problem;
  };
  const Case cases[] = {
      {R"("count": "three")", R"(box.count: expected an integer from 1 to 5, found "three")"},
      {R"("count": 0)", "box.count: expected an integer from 1 to 5, found 0"},
      {R"("count": 6)", "box.count: expected an integer from 1 to 5, found 6"},
      {R"("count": 1.5)", "box.count: expected an integer from 1 to 5, found 1.5"},
      {R"("count": 18446744073709551615)",
       "box.count: expected an integer from 1 to 5, found 18446744073709551615"},
      {R"("open": "yes")", R"(box.open: expected true or false, found "yes")"},
      {R"("colour": "red")", R"(box.colour: expected one of Red, Blue, found "red")"},
      {R"("colour": [1])", "box.colour: expected one of Red, Blue, found a list"},
      {R"("age": "2h")",
       R"(box.age: expected a duration from 1s to 1h such as "90s" or "1h30m", found "2h")"},
      {R"("age": 60)",
       R"(box.age: expected a duration from 1s to 1h such as "90s" or "1h30m", found 60)"},
      {R"("packed": "today")",
       R"(box.packed: expected a time such as "2026-01-02T03:04:05Z", found "today")"},
      {R"("share": "0%")",
       R"(box.share: expected a number from 1 to 1000000, or a share such as "20%", found "0%")"},
      {R"("share": "3")",
       R"(box.share: expected a number from 1 to 1000000, or a share such as "20%", found "3")"},
      {R"("tags": "a")", R"(box.tags: expected a list, found "a")"},
      {R"("tags": ["a", 1])", "box.tags[1]: expected a string, found 1"},
      {R"("tags": ["a", "b", "c", "d"])", "box.tags: expected at most 3 elements, found 4"},
      {R"("tags": ["abcdef"])", "box.tags[0]: is 6 characters long, expected at most 5"},
      {R"("tags": ["a", "b", "a"])", R"(box.tags[2]: "a" is already used by box.tags[0])"},
      {R"("saws": [{"blade": "x"}, {"blade": "x"}])",
       R"(box.saws[1].blade: "x" is already used by box.saws[0])"},
      {R"("saws": [{"blade": 1}])", "box.saws[0].blade: expected a string, found 1"},
      {R"("saws": [7])", "box.saws[0]: expected an object, found 7"},
      {R"("labels": {"a": "1", "b": "2", "c": "3"})",
       "box.labels: expected at most 2 entries, found 3"},
      {R"("labels": {"a": true})", "box.labels.a: expected a string, found true"},
      {R"("extra": [])", "box.extra: expected an object, found a list"},
      {R"("extra": {"a": "a long long text"})", "box.extra: is 24 bytes long, expected at most 20"},
      {R"("cuont": 1)", R"(box.cuont: unknown field, did you mean "count"?)"},
      {R"("priority": 1)", "box.priority: unknown field"},
      {R"("hammer": {})", "box: hammer and blade exclude each other"},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(ProblemsWith(c.fields), ElementsAre(c.problem)) << c.fields;
  }
}

TEST(JsonReader, RequiredMeansThereAndNotEmpty) {
  EXPECT_THAT(ProblemsOf(R"({"blade": "x"})"), ElementsAre("box.name: is required"));
  EXPECT_THAT(ProblemsOf(R"({"blade": "x", "name": null})"), ElementsAre("box.name: is required"));
  EXPECT_THAT(ProblemsOf(R"({"blade": "x", "name": ""})"),
              ElementsAre("box.name: must not be empty"));
}

TEST(JsonReader, AnAlternativeIsNeededUnlessOneIsMisspelt) {
  EXPECT_THAT(ProblemsOf(R"({"name": "b"})"), ElementsAre("box: expected a hammer or a blade"));
  EXPECT_THAT(ProblemsOf(R"({"name": "b", "hamer": {}})"),
              ElementsAre(R"(box.hamer: unknown field, did you mean "hammer"?)"));
}

TEST(JsonReader, ReportsEverythingUpToALimit) {
  Problems problems;
  const FieldPath root("");
  for (size_t i = 0; i < 30; ++i) problems.Add(root["x"], "wrong");
  EXPECT_EQ(problems.reported().size(), Problems::kMaxReported);
  EXPECT_TRUE(std::string(problems.ToStatus().message()).ends_with("x: wrong; and 10 more"));
}

TEST(JsonReader, FoundTextsAreShortAndOnOneLine) {
  const auto problems = ProblemsWith(R"("count": ")" + std::string(500, 'x') + R"(\n\u0007")");
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_LT(problems[0].size(), 130u);
  EXPECT_EQ(problems[0].find('\n'), std::string::npos);
}

TEST(JsonWriter, PrintsBackWhatWasRead) {
  const std::string text =
      R"({"name": "b", "colour": "Red", "open": true, "count": 5, "age": "1m5s",
      "packed": "2026-01-02T03:04:05Z", "share": "50%", "tags": ["a", "b"],
      "saws": [{"blade": "x"}], "labels": {"k": "v"}, "extra": {"b": [1], "a": null},
      "hammer": {"weight": 3}})";
  Box box;
  ASSERT_THAT(ProblemsOf(text, &box), ElementsAre());
  nlohmann::json printed = nlohmann::json::object();
  JsonWriter writer(printed);
  Describe(writer, box);
  EXPECT_EQ(printed, nlohmann::json::parse(text));
}

TEST(JsonWriter, AChosenAlternativeIsPrintedEvenWhenEmpty) {
  nlohmann::json printed = nlohmann::json::object();
  JsonWriter writer(printed);
  writer.Alternative<LabelSelector>("selector", std::variant<int, LabelSelector>(LabelSelector{}));
  EXPECT_EQ(printed.dump(), R"({"selector":{}})");
}

TEST(JsonWriter, CutsWhatMayBeCut) {
  nlohmann::json printed = nlohmann::json::object();
  JsonWriter writer(printed);
  writer.Field("tags", std::vector<std::string>{"abcdefgh", "b", "c", "d"},
               Text(5).Items(0, 3).Clamped());
  writer.Field("message", std::string("a long message"), Prose(8));
  writer.Field("body", std::string("never cut"), Text(4));
  EXPECT_EQ(printed["tags"], nlohmann::json({"ab...", "b", "c"}));
  EXPECT_EQ(printed["message"], "a lon...");
  EXPECT_EQ(printed["body"], "never cut");
}

}  // namespace
}  // namespace kr::crds
