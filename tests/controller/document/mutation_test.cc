// Whatever bytes a server (or something in between) sends: an answer or an error, never a crash,
// and nothing left behind. Meant to be run under ASan and UBSan too.

#include <random>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "controller/document/decoder.h"
#include "tests/support/documents.h"
#include "tests/support/random_json.h"

namespace kr::document {
namespace {

class Mutator {
 public:
  explicit Mutator(uint64_t seed) : engine_(seed) {}

  std::string Mutate(std::string text) {
    for (uint64_t changes = 1 + Below(4); changes > 0 && !text.empty(); --changes) {
      const size_t at = Below(text.size());
      const size_t length = 1 + Below(16);
      switch (Below(6)) {
        case 0:
          text[at] = static_cast<char>(Below(256));
          break;
        case 1:
          text[at] = "{}[]\",:\\0n"[Below(10)];
          break;
        case 2:
          text.erase(at, length);
          break;
        case 3:
          text.insert(Below(text.size()), text.substr(at, length * 4));
          break;
        case 4:
          text.resize(at);
          break;
        default:
          text.insert(at, length, "[{\"9"[Below(4)]);
      }
    }
    return text;
  }

  size_t Below(size_t limit) { return engine_() % limit; }

 private:
  std::mt19937_64 engine_;
};

// Touches all that can be read.
size_t Visit(const Node& node) {
  size_t visited = 1;
  std::string scratch;
  if (node.is_string()) visited += node.AsString(scratch).size() & 1;
  if (node.is_list()) {
    for (size_t i = 0; i < node.size(); ++i) visited += Visit(node.At(i));
  }
  if (node.is_map()) {
    for (size_t i = 0; i < node.size(); ++i) {
      visited += Visit(node.ValueAt(i)) + Visit(node.Field(node.KeyAt(i)));
    }
  }
  return visited;
}

TEST(MutationTest, DamagedTextIsAnErrorOrAnObject) {
  testing::RandomJson random(7);
  Mutator mutator(8);
  Decoder decoder;
  int good = 0;
  int bad = 0;
  for (int i = 0; i < 10'000; ++i) {
    const nlohmann::json object = random.Object();
    const Projection::Ptr projection =
        i % 3 == 0 ? Projection::Everything()
                   : testing::ProjectionOf({random.Path().ToString(), random.Path().ToString()});
    if (i % 4 == 0) {
      const std::string text =
          nlohmann::json{{"metadata", {{"continue", "x"}}}, {"items", {object, object}}}.dump();
      const auto page = decoder.DecodeList(mutator.Mutate(text), projection);
      ++(page.ok() ? good : bad);
      if (!page.ok()) continue;
      for (const DocumentPtr& item : page->items) EXPECT_GT(Visit(item->root()), 0U);
    } else {
      const std::string text = nlohmann::json{{"type", "MODIFIED"}, {"object", object}}.dump();
      const auto event = decoder.DecodeEvent(mutator.Mutate(text), projection);
      ++(event.ok() ? good : bad);
      if (!event.ok() || !event->object) continue;
      EXPECT_GT(Visit(event->object->root()), 0U);
    }
  }
  EXPECT_GT(good, 500);
  EXPECT_GT(bad, 1'000);
  EXPECT_EQ(decoder.pool_stats().interned_strings, 0U);
  EXPECT_EQ(decoder.pool_stats().shapes, 0U);
  EXPECT_EQ(decoder.pool_stats().shared_nodes, 0U);
}

}  // namespace
}  // namespace kr::document
