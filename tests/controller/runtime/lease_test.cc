#include "controller/runtime/lease.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/status_matchers.h"

namespace kr::runtime {
namespace {

using nlohmann::json;

const kube::ObjectKey kKey{"kube-system", "kube-remedy"};
constexpr char kLease[] = R"({
  "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
  "metadata": {"namespace": "kube-system", "name": "kube-remedy", "resourceVersion": "42",
               "labels": {"team": "sre"}},
  "spec": {"holderIdentity": "node-1_7f", "leaseDurationSeconds": 15, "leaseTransitions": 3,
           "acquireTime": "2026-01-02T03:04:05.000000Z", "renewTime": "2026-01-02T03:04:07.123456Z",
           "strategy": "OldestEmulationVersion"}})";

absl::Time Time(int second, int micro) {
  return absl::FromCivil(absl::CivilSecond(2026, 1, 2, 3, 4, second), absl::UTCTimeZone()) +
         absl::Microseconds(micro);
}

TEST(Lease, ParsesWhatTheServerSends) {
  KR_ASSERT_OK_AND_ASSIGN(const Lease lease, ParseLease(kLease));
  EXPECT_EQ(lease.record, (LeaseRecord{.holder = "node-1_7f",
                                       .duration_seconds = 15,
                                       .acquire_time = Time(5, 0),
                                       .renew_time = Time(7, 123456),
                                       .transitions = 3}));
}

TEST(Lease, AbsentAndNullFieldsReadAsReleased) {
  for (const char* text :
       {R"({"kind": "Lease"})", R"({"kind": "Lease", "spec": null})",
        R"({"kind": "Lease", "spec": {"holderIdentity": null, "leaseDurationSeconds": "15"}})"}) {
    SCOPED_TRACE(text);
    KR_ASSERT_OK_AND_ASSIGN(const Lease lease, ParseLease(text));
    EXPECT_EQ(lease.record.holder, "");
    EXPECT_EQ(lease.record.duration_seconds, 0);
  }
}

TEST(Lease, RefusesWhatIsNoLease) {
  for (const char* text : {"", "nonsense", "[]", R"({"kind": "Status"})", R"({"kind": 3})"}) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(ParseLease(text).ok());
  }
}

TEST(Lease, UpdateKeepsWhatIsNotOurs) {
  KR_ASSERT_OK_AND_ASSIGN(const Lease lease, ParseLease(kLease));
  LeaseRecord record = lease.record;
  record.holder = "other";
  record.renew_time = Time(9, 0);
  const kube::HttpRequest request = UpdateLease(kKey, lease, record);
  EXPECT_EQ(request.method, "PUT");
  EXPECT_EQ(request.target,
            "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-remedy");
  const json body = json::parse(request.body);
  EXPECT_EQ(body["metadata"]["labels"]["team"], "sre");
  EXPECT_EQ(body["metadata"]["resourceVersion"], "42") << "the condition of the write";
  EXPECT_EQ(body["spec"]["strategy"], "OldestEmulationVersion");
  EXPECT_EQ(body["spec"]["holderIdentity"], "other");
  EXPECT_EQ(body["spec"]["renewTime"], "2026-01-02T03:04:09.000000Z")
      << "a MicroTime without six digits is not accepted";
}

TEST(Lease, CreateNamesTheObject) {
  const kube::HttpRequest request = CreateLease(kKey, {.holder = "me",
                                                       .duration_seconds = 15,
                                                       .acquire_time = Time(5, 0),
                                                       .renew_time = Time(5, 0),
                                                       .transitions = 0});
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases");
  KR_ASSERT_OK_AND_ASSIGN(const Lease lease, ParseLease(request.body));
  EXPECT_EQ(lease.record.holder, "me");
  EXPECT_EQ(json::parse(request.body)["metadata"]["name"], "kube-remedy");
  EXPECT_EQ(GetLease(kKey).method, "GET");
}

}  // namespace
}  // namespace kr::runtime
