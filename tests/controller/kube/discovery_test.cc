#include "controller/kube/discovery.h"

#include "controller/kube/request.h"
#include "controller/kube/rest_mapper.h"
#include "tests/support/status_matchers.h"

namespace kr::kube {
namespace {

using absl::StatusCode;
using ::testing::_;
using ::testing::HasSubstr;
using testing::StatusIs;
using State = RestMapper::State;

// Shortened from a real server.
constexpr char kGroups[] = R"({"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2",
 "metadata":{},"items":[
 {"metadata":{"name":"apps","creationTimestamp":null},"versions":[{"version":"v1","resources":[
   {"resource":"daemonsets","responseKind":{"group":"apps","version":"v1","kind":"DaemonSet"},
    "scope":"Namespaced","singularResource":"daemonset",
    "verbs":["create","delete","get","list","patch","update","watch"],"shortNames":["ds"],
    "subresources":[{"subresource":"status","responseKind":{"kind":"DaemonSet"},"verbs":["get"]}]}],
   "freshness":"Current"}]},
 {"metadata":{"name":"metrics.k8s.io"},"versions":[{"version":"v1beta1","freshness":"Stale"}]}]})";

constexpr char kCore[] = R"({"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2",
 "items":[{"metadata":{"creationTimestamp":null},"versions":[{"version":"v1","freshness":"Current",
 "resources":[
  {"resource":"bindings","responseKind":{"kind":"Binding"},"scope":"Namespaced","verbs":["create"]},
  {"resource":"nodes","responseKind":{"kind":"Node"},"scope":"Cluster","verbs":["list","watch"]}
 ]}]}]})";

constexpr char kApps[] = R"({"kind":"APIResourceList","apiVersion":"v1","groupVersion":"apps/v1",
 "resources":[
  {"name":"daemonsets","singularName":"daemonset","namespaced":true,"kind":"DaemonSet",
   "verbs":["list","watch"],"storageVersionHash":"x"},
  {"name":"daemonsets/status","namespaced":true,"kind":"DaemonSet","verbs":["get"]}]})";

const GroupVersionKind kDaemonSet{"apps", "v1", "DaemonSet"};
const GroupVersionKind kNode{"", "v1", "Node"};

TEST(Discovery, AggregatedDocument) {
  KR_ASSERT_OK_AND_ASSIGN(const auto versions, ParseAggregatedDiscovery(kGroups));
  ASSERT_EQ(versions.size(), 2u);
  EXPECT_EQ(versions[0].group, "apps");
  EXPECT_TRUE(versions[0].current);
  ASSERT_EQ(versions[0].kinds.size(), 1u);
  EXPECT_EQ(versions[0].kinds[0].resource, (Resource{kDaemonSet, "daemonsets", true}));
  EXPECT_TRUE(versions[0].kinds[0].watchable);
  EXPECT_FALSE(versions[1].current);

  KR_ASSERT_OK_AND_ASSIGN(const auto core, ParseAggregatedDiscovery(kCore));
  ASSERT_EQ(core[0].kinds.size(), 2u);
  EXPECT_FALSE(core[0].kinds[0].watchable);
  EXPECT_EQ(core[0].kinds[1].resource, (Resource{kNode, "nodes", false}));
}

TEST(Discovery, ResourceListLeavesSubresourcesOut) {
  KR_ASSERT_OK_AND_ASSIGN(const DiscoveredVersion apps, ParseResourceList(kApps));
  ASSERT_EQ(apps.kinds.size(), 1u);
  EXPECT_EQ(apps.kinds[0].resource, (Resource{kDaemonSet, "daemonsets", true}));
}

TEST(Discovery, OtherDocumentsAreRefused) {
  EXPECT_THAT(ParseAggregatedDiscovery(R"({"kind":"APIGroupList","groups":[]})"),
              StatusIs(StatusCode::kUnimplemented, _));
  for (const char* json : {"", "{", "[]", "null", "not json"}) {
    SCOPED_TRACE(json);
    EXPECT_THAT(ParseAggregatedDiscovery(json), StatusIs(StatusCode::kInvalidArgument, _));
    EXPECT_THAT(ParseResourceList(json), StatusIs(StatusCode::kInvalidArgument, _));
  }
  EXPECT_THAT(ParseResourceList(R"({"kind":"Status"})"), StatusIs(StatusCode::kInvalidArgument, _));
  // Of wrong types inside: nothing found, nothing thrown.
  EXPECT_EQ(ParseAggregatedDiscovery(
                R"({"kind":"APIGroupDiscoveryList","items":[7,{"metadata":3,"versions":{}}]})")
                ->size(),
            0u);
}

class RestMapperTest : public ::testing::Test {
 protected:
  // Asks what the mapper wants to know about `gvk` and lets the server answer; returns the target.
  std::string Refresh(const GroupVersionKind& gvk, StatusOr<Reply> reply) {
    const HttpRequest request = mapper_.RefreshRequest(gvk);
    mapper_.Absorb(request, std::move(reply));
    return request.target;
  }
  State Find(const GroupVersionKind& gvk) const { return mapper_.Find(gvk).state; }
  static StatusOr<Reply> Body(const char* body) { return Reply{.body = body}; }

  RestMapper mapper_;
};

TEST_F(RestMapperTest, OneRequestFindsTheKindsOfAllGroups) {
  EXPECT_EQ(Find(kDaemonSet), State::kUnknown);
  EXPECT_EQ(mapper_.RefreshRequest(kDaemonSet).accept, kAggregatedDiscoveryAccept);
  EXPECT_EQ(Refresh(kDaemonSet, Body(kGroups)), "/apis");
  EXPECT_EQ(Find(kDaemonSet), State::kFound);
  EXPECT_EQ(mapper_.Find(kDaemonSet).resource, (Resource{kDaemonSet, "daemonsets", true}));
  // The core group is another document.
  EXPECT_EQ(Find(kNode), State::kUnknown);
  EXPECT_EQ(Refresh(kNode, Body(kCore)), "/api");
  EXPECT_EQ(Find(kNode), State::kFound);
}

TEST_F(RestMapperTest, MissingKindAsksOnlyItsGroupAndVersion) {
  Refresh(kDaemonSet, Body(kGroups));
  const GroupVersionKind rollout{"apps", "v1", "Rollout"};
  const GroupVersionKind widget{"example.org", "v1", "Widget"};
  EXPECT_EQ(Find(rollout), State::kAbsent);
  EXPECT_THAT(mapper_.Find(rollout).reason, StatusIs(StatusCode::kNotFound, HasSubstr("Rollout")));
  EXPECT_EQ(Find(widget), State::kAbsent);
  const Status missing = mapper_.Find(widget).reason;
  EXPECT_THAT(missing, StatusIs(StatusCode::kNotFound, HasSubstr("Widget in example.org/v1")));
  EXPECT_EQ(Refresh(rollout, Body(kApps)), "/apis/apps/v1");
  EXPECT_EQ(Refresh(widget, NotFound("404")), "/apis/example.org/v1");
  EXPECT_EQ(Find(rollout), State::kAbsent);
  EXPECT_EQ(Find(widget), State::kAbsent);
  EXPECT_EQ(mapper_.Find(widget).reason, missing) << "a status must not change at each question";

  // The CRD arrives.
  Refresh(widget, Body(R"({"kind":"APIResourceList","groupVersion":"example.org/v1","resources":[
    {"name":"widgets","namespaced":false,"kind":"Widget","verbs":["list","watch"]}]})"));
  EXPECT_EQ(Find(widget), State::kFound);
  EXPECT_EQ(Find(kDaemonSet), State::kFound);
}

TEST_F(RestMapperTest, NoAnswerIsUnknownAndNeverAbsent) {
  const struct {
    const char* name;
    Status error;
  } cases[] = {
      {"unavailable", Unavailable("503")},
      {"broken", Internal("500")},
      {"forbidden", PermissionDenied("403")},
      {"late", DeadlineExceeded("late")},
  };
  for (const auto& tc : cases) {
    SCOPED_TRACE(tc.name);
    mapper_ = RestMapper();
    EXPECT_EQ(Refresh(kDaemonSet, tc.error), "/apis");
    EXPECT_EQ(Find(kDaemonSet), State::kUnknown);
    EXPECT_EQ(mapper_.Find(kDaemonSet).reason.code(), tc.error.code());
    EXPECT_EQ(Refresh(kDaemonSet, Body(kGroups)), "/apis");
    EXPECT_EQ(Find(kDaemonSet), State::kFound);

    const GroupVersionKind missing{"apps", "v1", "Missing"};
    EXPECT_EQ(Refresh(missing, tc.error), "/apis/apps/v1");
    EXPECT_EQ(Find(missing), State::kUnknown);
    EXPECT_EQ(Find(kDaemonSet), State::kFound) << "what was found stays";
  }
}

TEST_F(RestMapperTest, DeadAggregatedServerIsUnknown) {
  const GroupVersionKind metrics{"metrics.k8s.io", "v1beta1", "NodeMetrics"};
  Refresh(metrics, Body(kGroups));
  EXPECT_EQ(Find(metrics), State::kUnknown);
  EXPECT_THAT(mapper_.Find(metrics).reason,
              StatusIs(StatusCode::kUnavailable, HasSubstr("/apis/metrics.k8s.io/v1beta1")));
  EXPECT_EQ(Refresh(metrics, Unavailable("503")), "/apis/metrics.k8s.io/v1beta1");
  EXPECT_EQ(Find(metrics), State::kUnknown);
}

TEST_F(RestMapperTest, ServerWithoutAggregatedDiscovery) {
  for (StatusOr<Reply> answer :
       {Body(R"({"kind":"APIGroupList","groups":[]})"), StatusOr<Reply>(NotFound("404")),
        StatusOr<Reply>(InvalidArgument("406"))}) {
    mapper_ = RestMapper();
    EXPECT_EQ(Refresh(kDaemonSet, std::move(answer)), "/apis");
    EXPECT_EQ(Find(kDaemonSet), State::kUnknown);
    EXPECT_EQ(mapper_.RetryDelay(kDaemonSet), absl::ZeroDuration());
    EXPECT_EQ(Refresh(kDaemonSet, Body(kApps)), "/apis/apps/v1");
    EXPECT_EQ(Find(kDaemonSet), State::kFound);
  }
}

TEST_F(RestMapperTest, KindThatDisappeared) {
  Refresh(kDaemonSet, Body(kGroups));
  Refresh(kDaemonSet, NotFound("the watch said 404, and so does discovery"));
  EXPECT_EQ(Find(kDaemonSet), State::kAbsent);
}

TEST_F(RestMapperTest, KindThatCannotBeWatchedIsAbsentWithAReason) {
  Refresh(kNode, Body(kCore));
  const RestMapper::Result binding = mapper_.Find({"", "v1", "Binding"});
  EXPECT_EQ(binding.state, State::kAbsent);
  EXPECT_THAT(binding.reason,
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("cannot be listed and watched")));
}

TEST_F(RestMapperTest, WatchableResourceWinsAmongThoseOfOneKind) {
  Refresh(kNode, Body(R"({"kind":"APIGroupDiscoveryList","items":[{"metadata":{},"versions":[
    {"version":"v1","resources":[
      {"resource":"x","responseKind":{"kind":"Node"},"scope":"Cluster","verbs":["create"]},
      {"resource":"nodes","responseKind":{"kind":"Node"},"scope":"Cluster",
       "verbs":["list","watch"]},
      {"resource":"y","responseKind":{"kind":"Node"},"scope":"Cluster","verbs":["list","watch"]}
    ]}]}]})"));
  EXPECT_EQ(mapper_.Find(kNode).resource.plural, "nodes");
}

TEST_F(RestMapperTest, RetriesAreSpreadFromFiveSecondsToTwoMinutes) {
  const GroupVersionKind widget{"example.org", "v1", "Widget"};
  EXPECT_EQ(mapper_.RetryDelay(widget), absl::ZeroDuration());
  Refresh(widget, Body(kGroups));
  std::vector<absl::Duration> delays;
  for (int i = 0; i < 7; ++i) {
    delays.push_back(mapper_.RetryDelay(widget));
    Refresh(widget, NotFound("404"));
  }
  EXPECT_THAT(delays, ::testing::ElementsAre(absl::Seconds(5), absl::Seconds(10), absl::Seconds(20),
                                             absl::Seconds(40), absl::Seconds(80), absl::Minutes(2),
                                             absl::Minutes(2)));
}

TEST_F(RestMapperTest, StrangeNamesGoRoundTrip) {
  Refresh(kDaemonSet, Body(kGroups));
  const GroupVersionKind strange{"a b/../c", "v 1", "K"};
  EXPECT_EQ(Refresh(strange, Unavailable("503")), "/apis/a%20b%2F..%2Fc/v%201");
  EXPECT_EQ(Find(strange), State::kUnknown);
}

}  // namespace
}  // namespace kr::kube
