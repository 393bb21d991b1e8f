#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "controller/cel/program.h"
#include "re2/re2.h"
#include "tests/fuzz/fuzz_targets.h"
#include "tests/support/documents.h"

namespace kr::fuzz {
namespace {

class Pod final : public cel::Activation {
 public:
  StatusOr<cel::Value> Resolve(std::string_view variable) const override {
    if (variable == "object") return cel::Value::Node(document_->root());
    if (variable == "now") return cel::Value::Timestamp(absl::FromUnixSeconds(1'700'000'000));
    return NotFound("no such variable");
  }

 private:
  document::DocumentPtr document_ = testing::Doc(nlohmann::json{
      {"metadata", {{"name", "web-1"}, {"labels", {{"app", "web"}}}}},
      {"spec", {{"containers", {{{"name", "c"}, {"cpu", "100m"}}, {{"name", "d"}}}}}},
      {"status", {{"startTime", "2026-01-02T03:04:05Z"}, {"restarts", 3}}}});
};

bool Run(std::string_view input) {
  static const Pod pod;
  static const cel::Scope scope = {{"object", cel::Type::Dyn()}, {"now", cel::Type::Timestamp()}};
  const auto program = cel::Program::Compile(input, scope);
  if (!program.ok()) {
    // Whoever wrote it must find the place.
    EXPECT_TRUE(RE2::PartialMatch(std::string(Message(program.status())), R"(^\d+:\d+: )"))
        << program.status();
    return false;
  }
  // The limit makes an end of every expression.
  program->Evaluate(pod, absl::FromUnixSeconds(1'700'000'000), {.cost = 20'000})
      .value.IgnoreError();
  return true;
}

}  // namespace

Target CelTarget() {
  return {"Cel",
          Run,
          {"object.spec.containers.exists(c, c.name == 'c' && c.?cpu.orValue('0') != '')",
           "object.metadata.labels.all(k, v, k.startsWith('a') || v.matches('^w[a-z]+$'))",
           "now - timestamp(object.status.startTime) > duration('1h30m')",
           "quantity(object.spec.containers[0].cpu).isLessThan(quantity('1'))",
           "'%s is %d of %.2f'.format([object.metadata.name, 3, 1.5])",
           "[1, 2, 3].map(x, x * x).filter(y, y % 2 == 1).sum() in {9: 'a', 10: 'b'}",
           "has(object.status.restarts) ? object.status.restarts + 1 : -1",
           "semver('1.2.3').compareTo(semver('1.3.0')) < 0 && ip('10.0.0.1').family() == 4",
           "object.spec.containers.map(c, c.name).join(',').split(',').size() == 2",
           "optional.of(b'\\x00\\xff').hasValue() && '\\u00e4'.upperAscii() != \"\"\"x\"\"\"",
           "cidr('10.0.0.0/8').containsIP('10.1.2.3') && url('https://a/b?c=d').getHost() == 'a'"}};
}

}  // namespace kr::fuzz
