#include "controller/document/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/documents.h"

namespace kr::document {
namespace {

using ::kr::testing::Doc;
using ::kr::testing::ProjectionOf;
using ::nlohmann::json;

constexpr char kPod[] = R"({
  "apiVersion": "v1", "kind": "Pod",
  "metadata": {
    "name": "web-0", "namespace": "shop", "uid": "8a6f0c1e-4d5b-4a57-9a3e-2f0b3f1f7a10",
    "resourceVersion": "1234567", "creationTimestamp": "2026-01-02T03:04:05Z",
    "labels": {"app": "web", "pool": "blue"},
    "ownerReferences": [{"kind": "StatefulSet", "name": "web", "controller": true}],
    "managedFields": [{"manager": "kubelet"}]
  },
  "spec": {
    "nodeName": "node-17", "priority": -7, "huge": 9007199254740993, "share": 3.0,
    "containers": [{"name": "app", "image": "registry/app:1"}, {"name": "proxy", "image": "p:2"}],
    "volumes": null, "tolerations": [], "nodeSelector": {}
  },
  "status": {"phase": "Running", "ready": true, "message": ""}
})";

TEST(DocumentTest, ReadsEveryKindOfValue) {
  const DocumentPtr pod = Doc(kPod);
  EXPECT_EQ(pod->At("spec.nodeName").AsString(), "node-17");
  EXPECT_EQ(pod->At("spec.priority").AsInt(), -7);
  EXPECT_EQ(pod->At("spec.huge").AsInt(), 9'007'199'254'740'993);
  EXPECT_EQ(pod->At("spec.share").kind(), Kind::kDouble);
  EXPECT_EQ(pod->At("spec.share").AsDouble(), 3.0);
  EXPECT_EQ(pod->At("spec.volumes").kind(), Kind::kNull);
  EXPECT_EQ(pod->At("spec.tolerations").kind(), Kind::kList);
  EXPECT_EQ(pod->At("spec.tolerations").size(), 0U);
  EXPECT_EQ(pod->At("spec.nodeSelector").kind(), Kind::kMap);
  EXPECT_EQ(pod->At("spec.nodeSelector").size(), 0U);
  EXPECT_EQ(pod->At("spec.nodeSelector.disk").kind(), Kind::kAbsent);
  EXPECT_TRUE(pod->At("status.ready").AsBool());
  EXPECT_EQ(pod->At("status.message").kind(), Kind::kString);
  EXPECT_EQ(pod->At("status.message").AsString(), "");
  EXPECT_EQ(pod->At("status.reason").kind(), Kind::kAbsent);
  EXPECT_EQ(pod->At("spec.nodeName.deeper").kind(), Kind::kAbsent);
  EXPECT_EQ(pod->At("metadata.creationTimestamp").AsString(), "2026-01-02T03:04:05Z");

  const Node containers = pod->At("spec.containers");
  ASSERT_EQ(containers.size(), 2U);
  EXPECT_EQ(containers.At(1).Field("name").AsString(), "proxy");
  EXPECT_EQ(containers.Field("name").kind(), Kind::kAbsent);

  const Node labels = pod->At("metadata.labels");
  ASSERT_EQ(labels.size(), 2U);
  EXPECT_EQ(labels.KeyAt(1), "pool");
  EXPECT_EQ(labels.ValueAt(1).AsString(), "blue");
}

TEST(DocumentTest, ADefaultNodeIsAbsent) {
  const Node node;
  EXPECT_EQ(node.kind(), Kind::kAbsent);
  EXPECT_EQ(node.Field("a").kind(), Kind::kAbsent);
  EXPECT_EQ(node.size(), 0U);
  EXPECT_TRUE(node.Complete());
  EXPECT_EQ(node.ToJson(), json());
  EXPECT_EQ(node.StringOr("-"), "-");
  EXPECT_LE(sizeof(Node), 24U);
  EXPECT_TRUE(std::is_trivially_copyable_v<Node>);
}

TEST(DocumentTest, IdentityIsThereWhateverIsProjected) {
  for (const auto& paths : {std::vector<std::string>{}, {"spec.nodeName"}, {"metadata"}, {""}}) {
    const DocumentPtr pod = Doc(kPod, paths);
    EXPECT_EQ(pod->name(), "web-0");
    EXPECT_EQ(pod->name_space(), "shop");
    EXPECT_EQ(pod->uid(), "8a6f0c1e-4d5b-4a57-9a3e-2f0b3f1f7a10");
    EXPECT_EQ(pod->resource_version(), "1234567");
    EXPECT_EQ(pod->At("metadata.name").AsString(), "web-0");
    EXPECT_EQ(pod->At("metadata.namespace").AsString(), "shop");
    EXPECT_EQ(pod->At("metadata.resourceVersion").AsString(), "1234567");
  }
  EXPECT_EQ(Doc(kPod, {})->At("metadata.deletionTimestamp").kind(), Kind::kUnprojected);
  EXPECT_EQ(Doc(kPod, {"metadata.deletionTimestamp"})->At("metadata.deletionTimestamp").kind(),
            Kind::kAbsent);
}

TEST(DocumentTest, IdentityThatTheObjectLacksIsEmpty) {
  for (const char* text :
       {R"({})", R"({"metadata": null})", R"({"metadata": [1]})", R"([1])", R"({"metadata": {}})",
        R"({"metadata": {"name": {"a": 1}, "uid": 5}})"}) {
    SCOPED_TRACE(text);
    const DocumentPtr document = Doc(text);
    EXPECT_EQ(document->name(), "");
    EXPECT_EQ(document->name_space(), "");
    EXPECT_EQ(document->uid(), "");
    EXPECT_EQ(document->resource_version(), "");
    EXPECT_EQ(document->ToJson(), json::parse(text));
  }
}

TEST(DocumentTest, OddIdentitiesReadBackAsTheyAre) {
  for (const std::string& text : {std::string("a"), std::string("abcd"),
                                  std::string("2026-01-02T03:04:05Z"), std::string(300, 'x')}) {
    const DocumentPtr document =
        Doc(json{{"metadata", {{"name", text}, {"uid", text}, {"resourceVersion", text}}}});
    EXPECT_EQ(document->name(), text);
    EXPECT_EQ(document->uid(), text);
    EXPECT_EQ(document->resource_version(), text);
  }
}

TEST(DocumentTest, AFieldThatIsProjectedAwayNeverLooksAbsent) {
  const DocumentPtr pod =
      Doc(kPod, {"spec.nodeName", "spec.schedulerName", "spec.containers[*].name"});
  EXPECT_EQ(pod->At("spec.nodeName").AsString(), "node-17");
  EXPECT_EQ(pod->At("spec.schedulerName").kind(), Kind::kAbsent);
  EXPECT_EQ(pod->At("spec.priority").kind(), Kind::kUnprojected);
  EXPECT_EQ(pod->At("spec.neverHeardOf").kind(), Kind::kUnprojected);
  EXPECT_EQ(pod->At("status").kind(), Kind::kUnprojected);
  EXPECT_EQ(pod->At("status.phase").kind(), Kind::kUnprojected);
  EXPECT_EQ(pod->At("spec.containers").At(0).Field("image").kind(), Kind::kUnprojected);
  EXPECT_FALSE(pod->At("spec").Complete());
  EXPECT_FALSE(pod->At("spec").Iterable());
  EXPECT_FALSE(pod->At("spec.containers").Complete());
  EXPECT_TRUE(pod->At("spec.containers").Iterable());
  EXPECT_TRUE(pod->At("spec.nodeName").Complete());
  EXPECT_FALSE(pod->At("status").Complete());
}

TEST(DocumentTest, PresenceSaysWhetherSomethingIsThere) {
  const DocumentPtr pod = Doc(kPod, {"spec.containers?", "spec.volumes?", "spec.hostNetwork?"});
  EXPECT_EQ(pod->At("spec.containers").kind(), Kind::kOpaque);
  EXPECT_EQ(pod->At("spec.volumes").kind(), Kind::kNull);
  EXPECT_EQ(pod->At("spec.hostNetwork").kind(), Kind::kAbsent);
  EXPECT_EQ(pod->At("spec.containers.name").kind(), Kind::kUnprojected);
  EXPECT_FALSE(pod->At("spec.containers").Complete());
  EXPECT_EQ(pod->At("spec.containers").size(), 0U);
  EXPECT_EQ(pod->At("spec").ToJson(), (json{{"containers", "(present)"}, {"volumes", nullptr}}));
}

TEST(DocumentTest, AListKeepsItsLengthWhateverIsReadOfIt) {
  const DocumentPtr pod = Doc(kPod, {"spec.containers.mistaken", "metadata.ownerReferences[*]?"});
  const Node containers = pod->At("spec.containers");
  ASSERT_EQ(containers.size(), 2U);
  EXPECT_EQ(containers.At(0).kind(), Kind::kUnprojected);
  EXPECT_EQ(containers.Field("mistaken").kind(), Kind::kAbsent);
  const Node owners = pod->At("metadata.ownerReferences");
  ASSERT_EQ(owners.size(), 1U);
  EXPECT_EQ(owners.At(0).kind(), Kind::kOpaque);
}

TEST(DocumentTest, EachOfAMapKeepsAllKeys) {
  const json object = {{"metadata", {{"name", "a"}}},
                       {"data", {{"x", {{"k", 1}, {"l", 2}}}, {"y", {{"k", 3}}}, {"z", 5}}}};
  const DocumentPtr document = Doc(object, {"data[*].k", "data.y.l"});
  const Node data = document->At("data");
  EXPECT_TRUE(data.Iterable());
  EXPECT_FALSE(data.Complete());
  ASSERT_EQ(data.size(), 3U);
  EXPECT_EQ(data.KeyAt(0), "x");
  EXPECT_EQ(data.ValueAt(0).Field("k").AsInt(), 1);
  EXPECT_EQ(data.ValueAt(0).Field("l").kind(), Kind::kUnprojected);
  EXPECT_EQ(data.Field("y").Field("l").kind(), Kind::kAbsent);
  EXPECT_EQ(data.Field("z").AsInt(), 5);
  EXPECT_EQ(data.Field("w").kind(), Kind::kAbsent);
  EXPECT_EQ(data.Field("w").Field("l").kind(), Kind::kAbsent);
}

TEST(DocumentTest, ManagedFieldsAreNeverKept) {
  for (const auto& paths : {std::vector<std::string>{""},
                            {"metadata"},
                            {"metadata.managedFields"},
                            {"[*]"},
                            {"metadata[*]"}}) {
    const DocumentPtr pod = Doc(kPod, paths);
    EXPECT_EQ(pod->At("metadata.managedFields").kind(), Kind::kUnprojected);
    EXPECT_FALSE(pod->At("metadata").ToJson().contains("managedFields"));
  }
  EXPECT_TRUE(Doc(kPod)->root().Complete());
  EXPECT_TRUE(Doc(kPod)->At("metadata").Complete());
  // Elsewhere it is a key like any other.
  const json object = {{"metadata", {{"labels", {{"managedFields", "x"}}}}},
                       {"managedFields", 1},
                       {"spec", {{"metadata", {{"managedFields", 2}}}}}};
  EXPECT_EQ(Doc(object)->ToJson(), object);
}

TEST(DocumentTest, SameBodyLooksAwayFromResourceVersionOnly) {
  const json pod = json::parse(kPod);
  const auto with = [&pod](const char* pointer, json value) {
    json changed = pod;
    changed[json::json_pointer(pointer)] = std::move(value);
    return changed;
  };
  const DocumentPtr before = Doc(pod);
  EXPECT_TRUE(before->SameBody(*before));
  EXPECT_TRUE(before->SameBody(*Doc(pod)));
  for (const char* version : {"7654321", "1", "12345678", ""}) {
    EXPECT_TRUE(before->SameBody(*Doc(with("/metadata/resourceVersion", version)))) << version;
    EXPECT_TRUE(Doc(with("/metadata/resourceVersion", version))->SameBody(*before)) << version;
  }
  json without = pod;
  without["metadata"].erase("resourceVersion");
  EXPECT_TRUE(before->SameBody(*Doc(without)));

  for (const char* pointer :
       {"/metadata/name", "/metadata/uid", "/metadata/labels/app",
        "/metadata/labels/resourceVersion", "/metadata/ownerReferences/0/name", "/spec/priority",
        "/spec/share", "/spec/huge", "/spec/containers/1/image", "/spec/new",
        "/status/resourceVersion", "/resourceVersion"}) {
    SCOPED_TRACE(pointer);
    EXPECT_FALSE(before->SameBody(*Doc(with(pointer, "changed"))));
    EXPECT_FALSE(Doc(with(pointer, "changed"))->SameBody(*before));
  }
  EXPECT_FALSE(before->SameBody(*Doc(with("/spec/share", 3))));
  EXPECT_TRUE(before->SameBody(*Doc(with("/metadata/managedFields", nullptr))));
}

TEST(DocumentTest, SameBodyNeedsTheSameProjection) {
  const json pod = json::parse(kPod);
  EXPECT_FALSE(Doc(pod)->SameBody(*Doc(pod, {"spec"})));
  EXPECT_TRUE(Doc(pod, {"spec"})->SameBody(*Doc(pod, {"spec", "spec.priority"})));
  json changed = pod;
  changed["status"]["phase"] = "Failed";
  EXPECT_TRUE(Doc(pod, {"spec"})->SameBody(*Doc(changed, {"spec"})));
  EXPECT_FALSE(Doc(pod, {"spec"})->SameBody(*Doc(pod, {"spec", "status.phase?"})));
  // Neither keeps anything but identity, but they do not know the same.
  EXPECT_FALSE(Doc(pod, {"data"})->SameBody(*Doc(pod, {"webhooks"})));
}

TEST(DocumentTest, SameBodyHoldsAcrossDecoders) {
  Decoder a;
  Decoder b;
  const json pod = json::parse(kPod);
  json changed = pod;
  changed["status"]["phase"] = "Failed";
  EXPECT_TRUE(a.FromJson(pod)->SameBody(*b.FromJson(pod)));
  EXPECT_FALSE(a.FromJson(pod)->SameBody(*b.FromJson(changed)));
}

TEST(DocumentTest, PointersShareOneDocument) {
  DocumentPtr a = Doc(kPod);
  const DocumentPtr b = a;
  EXPECT_EQ(a, b);
  EXPECT_EQ(a.get(), b.get());
  DocumentPtr c = std::move(a);
  c = DocumentPtr(c);
  EXPECT_EQ(c, b);
  c = DocumentPtr();
  EXPECT_FALSE(c);
  EXPECT_EQ(b->name(), "web-0");
}

TEST(DocumentTest, LargeObjectsKeepTheirShortStrings) {
  // More than 512 KiB lie between the first strings of `metadata` and the map they belong to.
  json object = {{"metadata", {{"name", "far-away-name"}, {"resourceVersion", "123456"}}}};
  for (int i = 0; i < 60; ++i) {
    object["metadata"]["large" + std::to_string(i)] =
        std::string(20'000, static_cast<char>('a' + i % 26));
  }
  object["metadata"]["clusterIP"] = "0123456789";  // not pooled
  const DocumentPtr document = Doc(object);
  EXPECT_EQ(document->ToJson(), object);
  EXPECT_EQ(document->name(), "far-away-name");
  EXPECT_EQ(document->resource_version(), "123456");
}

}  // namespace
}  // namespace kr::document
