#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "controller/cel/program.h"
#include "tests/support/status_matchers.h"

namespace kr::cel {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;

Scope PolicyScope() {
  const Type objects = Type::List(Type::Dyn());
  const Type event = Type::Object({{"object", Type::Dyn()},
                                   {"owner", Type::String()},
                                   {"node", Type::String()},
                                   {"count", Type::Int()},
                                   {"last", Type::Timestamp()},
                                   {"message", Type::String()}});
  std::map<std::string, Type> related;
  for (const char* name :
       {"pods", "svc",  "slices", "dns",  "apps",    "lr",    "rq",  "vas", "failures", "nodes",
        "rss",  "hpas", "proxy",  "revs", "pending", "users", "sts", "pv",  "same",     "peers"}) {
    related[name] = objects;
  }
  std::map<std::string, Type> events;
  for (const char* name : {"refused", "mounts", "gc", "live", "cni", "assigned"}) {
    events[name] = Type::List(event);
  }
  const Type previous = Type::Object({{"finishedAt", Type::Timestamp()}});
  return {{"object", Type::Dyn()},
          {"it", Type::Dyn()},
          {"now", Type::Timestamp()},
          {"params", Type::Dyn()},
          {"variables", Type::Dyn()},
          {"target", Type::Object({{"kind", Type::String()},
                                   {"namespace", Type::String()},
                                   {"name", Type::String()}})},
          {"related", Type::Object(related)},
          {"events", Type::Object(events)},
          {"remediation", Type::Object({{"name", Type::String()},
                                        {"startedAt", Type::Timestamp()},
                                        {"previous", Type::List(previous)}})}};
}

TEST(Policies, EveryExpressionOfTheSketchesCompiles) {
  std::ifstream file(KR_SOURCE_DIR "/tests/controller/cel/testdata/policies.txt");
  const Scope scope = PolicyScope();
  int count = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    SCOPED_TRACE(line);
    KR_EXPECT_OK(Program::Compile(line, scope).status());
    ++count;
  }
  EXPECT_GT(count, 120);
}

TEST(Policies, MixedListIsRefusedAsInKubernetesAndDynLiftsIt) {
  EXPECT_THAT(
      Program::Compile("[params.max, (object.spec.replicas * 3 + 1) / 2].min()", PolicyScope())
          .status(),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("must be of one type: expected dyn, found int; dyn(...)")));
  KR_EXPECT_OK(
      Program::Compile("[params.max, dyn((object.spec.replicas * 3 + 1) / 2)].min()", PolicyScope())
          .status());
}

}  // namespace
}  // namespace kr::cel
