#include "controller/kube/request.h"

#include <nlohmann/json.hpp>

#include "tests/support/status_matchers.h"

namespace kr::kube {
namespace {

using nlohmann::json;

const Resource kNodes{{"", "v1", "Node"}, "nodes", /*namespaced=*/false};
const Resource kPods{{"", "v1", "Pod"}, "pods", true};
const Resource kDaemonSets{{"apps", "v1", "DaemonSet"}, "daemonsets", true};

TEST(Request, MethodTargetTypeAndBody) {
  const WriteOptions plain;
  const WriteOptions full{
      .dry_run = true, .field_manager = "kube-remedy/x", .server_timeout = absl::Seconds(5)};
  const ObjectKey n1{"", "n1"};
  const ObjectKey calico{"kube-system", "calico-node"};
  const struct {
    const char* name;
    HttpRequest request;
    const char* method;
    const char* target;
    const char* content_type;
    const char* body;
  } cases[] = {
      {"get of the core group", GetObject(kNodes, n1), "GET", "/api/v1/nodes/n1", "", ""},
      {"get in a namespace", GetObject(kDaemonSets, calico), "GET",
       "/apis/apps/v1/namespaces/kube-system/daemonsets/calico-node", "", ""},
      {"get of a subresource", GetObject(kDaemonSets, calico, "scale"), "GET",
       "/apis/apps/v1/namespaces/kube-system/daemonsets/calico-node/scale", "", ""},
      {"a namespace of a cluster-scoped kind is ignored", GetObject(kNodes, {"ns", "n1"}), "GET",
       "/api/v1/nodes/n1", "", ""},
      {"names are escaped", GetObject(kPods, {"a/b", "c?d"}), "GET",
       "/api/v1/namespaces/a%2Fb/pods/c%3Fd", "", ""},
      {"create", CreateObject(kPods, "default", json{{"kind", "Pod"}}, plain), "POST",
       "/api/v1/namespaces/default/pods", "application/json", R"({"kind":"Pod"})"},
      {"create with everything", CreateObject(kNodes, "", json::object(), full), "POST",
       "/api/v1/nodes?dryRun=All&fieldManager=kube-remedy%2Fx&timeout=5s", "application/json",
       "{}"},
      {"update of the status", UpdateObject(kNodes, n1, "status", json::object(), plain), "PUT",
       "/api/v1/nodes/n1/status", "application/json", "{}"},
      {"merge patch", PatchObject(kNodes, n1, "", PatchType::kMerge, json{{"spec", nullptr}}, full),
       "PATCH", "/api/v1/nodes/n1?dryRun=All&fieldManager=kube-remedy%2Fx&timeout=5s",
       "application/merge-patch+json", R"({"spec":null})"},
      {"strategic merge patch",
       PatchObject(kDaemonSets, calico, "", PatchType::kStrategic, json::object(), plain), "PATCH",
       "/apis/apps/v1/namespaces/kube-system/daemonsets/calico-node",
       "application/strategic-merge-patch+json", "{}"},
      {"JSON patch", PatchObject(kNodes, n1, "status", PatchType::kJson, json::array(), plain),
       "PATCH", "/api/v1/nodes/n1/status", "application/json-patch+json", "[]"},
      {"apply",
       PatchObject(kNodes, n1, "", PatchType::kApply, json::object(), {.field_manager = "me"}),
       "PATCH", "/api/v1/nodes/n1?fieldManager=me", "application/apply-patch+yaml", "{}"},
      {"apply by force",
       PatchObject(kNodes, n1, "", PatchType::kApply, json::object(),
                   {.field_manager = "me", .force = true}),
       "PATCH", "/api/v1/nodes/n1?force=true&fieldManager=me", "application/apply-patch+yaml",
       "{}"},
      {"force means nothing to other patches",
       PatchObject(kNodes, n1, "", PatchType::kMerge, json::object(), {.force = true}), "PATCH",
       "/api/v1/nodes/n1", "application/merge-patch+json", "{}"},
      {"delete", DeleteObject(kNodes, n1, {}, plain), "DELETE", "/api/v1/nodes/n1",
       "application/json", R"({"apiVersion":"v1","kind":"DeleteOptions"})"},
      {"delete with preconditions; the server reads body or query, not both",
       DeleteObject(kNodes, n1, {.uid = "u-1", .resource_version = "7", .propagation = "Orphan"},
                    full),
       "DELETE", "/api/v1/nodes/n1?dryRun=All&timeout=5s", "application/json",
       R"({"apiVersion":"v1","dryRun":["All"],"kind":"DeleteOptions","preconditions":)"
       R"({"resourceVersion":"7","uid":"u-1"},"propagationPolicy":"Orphan"})"},
      {"delete by force", DeleteObject(kNodes, n1, {.grace_period_seconds = 0}, plain), "DELETE",
       "/api/v1/nodes/n1", "application/json",
       R"({"apiVersion":"v1","gracePeriodSeconds":0,"kind":"DeleteOptions"})"},
      {"list everywhere", ListObjects(kPods, {}), "GET", "/api/v1/pods", "", ""},
      {"list page",
       ListObjects(kPods, {.name_space = "a",
                           .field_selector = "spec.nodeName=n1",
                           .label_selector = "app in (x,y),!z",
                           .resource_version = "42",
                           .resource_version_match = "NotOlderThan",
                           .limit = 500,
                           .continue_token = "t=="}),
       "GET",
       "/api/v1/namespaces/a/pods?fieldSelector=spec.nodeName%3Dn1&labelSelector=app%20in%20%28x"
       "%2Cy%29%2C%21z&resourceVersion=42&resourceVersionMatch=NotOlderThan&limit=500&continue=t"
       "%3D%3D",
       "", ""},
      {"watch", WatchObjects(kPods, {.resource_version = "42"}), "GET",
       "/api/v1/pods?watch=true&allowWatchBookmarks=true&resourceVersion=42&timeoutSeconds=300", "",
       ""},
      {"streaming list", WatchObjects(kNodes, {.send_initial_events = true, .timeout_seconds = 60}),
       "GET",
       "/api/v1/nodes?watch=true&allowWatchBookmarks=true&sendInitialEvents=true"
       "&resourceVersionMatch=NotOlderThan&timeoutSeconds=60",
       "", ""},
      {"watch of one object",
       WatchObjects(kDaemonSets,
                    {.name_space = "kube-system", .field_selector = "metadata.name=calico-node"}),
       "GET",
       "/apis/apps/v1/namespaces/kube-system/daemonsets?watch=true&allowWatchBookmarks=true"
       "&fieldSelector=metadata.name%3Dcalico-node&timeoutSeconds=300",
       "", ""},
  };
  for (const auto& tc : cases) {
    SCOPED_TRACE(tc.name);
    EXPECT_EQ(tc.request.method, tc.method);
    EXPECT_EQ(tc.request.target, tc.target);
    EXPECT_EQ(tc.request.content_type, tc.content_type);
    EXPECT_EQ(tc.request.body, tc.body);
    EXPECT_EQ(tc.request.accept, "application/json");
  }
}

TEST(Request, MetadataOnlyAsksForPartialObjects) {
  EXPECT_EQ(ListObjects(kPods, {.metadata_only = true}).accept,
            "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json");
  EXPECT_EQ(WatchObjects(kPods, {.metadata_only = true}).accept,
            "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json");
}

TEST(Request, WeWaitALittleLongerThanTheServer) {
  const WriteOptions options{.server_timeout = absl::Seconds(5)};
  EXPECT_EQ(CreateObject(kNodes, "", json::object(), options).timeout, absl::Seconds(6));
  EXPECT_EQ(DeleteObject(kNodes, {"", "n"}, {}, options).timeout, absl::Seconds(6));
  EXPECT_EQ(CreateObject(kNodes, "", json::object(), {}).timeout, absl::Seconds(30));
  EXPECT_EQ(
      CreateObject(kNodes, "", json::object(), {.server_timeout = absl::Milliseconds(1500)}).target,
      "/api/v1/nodes?timeout=1.5s");
}

TEST(Request, TheServersTimeoutIsInWholeMillisecondsAndNeverLonger) {
  for (const auto& [timeout, want] :
       {std::pair{absl::Seconds(2) / 3, "666ms"}, std::pair{absl::Seconds(5) / 3, "1.666s"},
        std::pair{absl::Seconds(5), "5s"}}) {
    EXPECT_EQ(CreateObject(kNodes, "", json::object(), {.server_timeout = timeout}).target,
              std::string("/api/v1/nodes?timeout=") + want);
  }
}

TEST(Request, BytesThatAreNotTextDoNotThrow) {
  const json object = {{"message", "caf\xe9"}};
  EXPECT_EQ(CreateObject(kNodes, "", object, {}).body, "{\"message\":\"caf\xef\xbf\xbd\"}");
}

TEST(Request, EscapeKeepsOnlyUnreservedCharacters) {
  EXPECT_EQ(Escape("AZaz09-._~"), "AZaz09-._~");
  EXPECT_EQ(Escape(" %&=+/\xc3\xa9\r\n"), "%20%25%26%3D%2B%2F%C3%A9%0D%0A");
}

TEST(GroupVersionKind, ApiVersionGoesBothWays) {
  for (const char* api_version : {"v1", "apps/v1", "kube-remedy.io/v1alpha1"}) {
    EXPECT_EQ(GroupVersionKind::FromApiVersion(api_version, "K").ApiVersion(), api_version);
  }
  EXPECT_EQ(GroupVersionKind::FromApiVersion("apps/v1", "K"),
            (GroupVersionKind{"apps", "v1", "K"}));
}

}  // namespace
}  // namespace kr::kube
