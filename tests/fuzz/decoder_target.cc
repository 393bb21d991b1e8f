#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "controller/document/decoder.h"
#include "tests/fuzz/fuzz_targets.h"
#include "tests/support/documents.h"

namespace kr::fuzz {
namespace {

using document::Decoder;
using document::DocumentPtr;

// A document's JSON, read again, is the same document.
void ExpectStable(Decoder& decoder, const DocumentPtr& object) {
  if (!object) return;
  const nlohmann::json json = object->ToJson();
  const DocumentPtr again = decoder.FromJson(json);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->ToJson(), json);
}

bool Run(std::string_view input) {
  static Decoder decoder;
  static const auto everything = document::Projection::Everything();
  static const auto some = testing::ProjectionOf(
      {"metadata.labels", "spec.containers[*].env", "status.conditions[*].type", "spec.nodeName"});
  bool understood = false;
  for (const auto& projection : {everything, some}) {
    if (const auto event = decoder.DecodeEvent(input, projection); event.ok()) {
      understood = true;
      ExpectStable(decoder, event->object);
    }
    if (const auto page = decoder.DecodeList(input, projection); page.ok()) {
      understood = true;
      for (const DocumentPtr& item : page->items) ExpectStable(decoder, item);
    }
    if (const auto object = decoder.DecodeObject(input, projection); object.ok()) {
      understood = true;
      ExpectStable(decoder, *object);
    }
  }
  return understood;
}

}  // namespace

Target DecoderTarget() {
  const std::string pod =
      R"({"apiVersion":"v1","kind":"Pod","metadata":{"namespace":"shop","name":"web-1","uid":"u1",)"
      R"("resourceVersion":"17","labels":{"app":"web","tier":"a\u00e4\n"}},"spec":{"nodeName":"n1",)"
      R"("containers":[{"name":"c","env":[{"name":"A","value":"1"}],"resources":{"limits":{"cpu":)"
      R"("100m"}}}]},"status":{"conditions":[{"type":"Ready","status":"True"}],"n":-1.5e3}})";
  return {"Decoder",
          Run,
          {pod, R"({"type":"ADDED","object":)" + pod + "}",
           R"({"kind":"PodList","metadata":{"resourceVersion":"9","continue":"x"},"items":[)" +
               pod + "," + pod + "]}",
           R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"5","annotations":)"
           R"({"k8s.io/initial-events-end":"true"}}}})",
           R"({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}})"}};
}

}  // namespace kr::fuzz
