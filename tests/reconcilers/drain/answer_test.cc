// Every answer of the eviction API, as the server sends it.
#include "reconcilers/drain/answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "controller/kube/api_error.h"

namespace kr::drain {
namespace {

using nlohmann::json;
using Said = Answer::Said;

json StatusBody(int code, const std::string& message, const json& details = json::object()) {
  return {
      {"kind", "Status"},   {"apiVersion", "v1"}, {"status", code < 300 ? "Success" : "Failure"},
      {"message", message}, {"details", details}, {"code", code}};
}

json Cause(const std::string& reason, const std::string& message) {
  return {{"causes", {{{"reason", reason}, {"message", message}}}}};
}

StatusOr<kube::Reply> Reply(int http, const json& body, const std::string& retry_after = "") {
  kube::HttpResponse response{.code = http, .body = body.dump()};
  if (!retry_after.empty()) response.headers["retry-after"] = retry_after;
  if (Status status = kube::ToStatus(response); !status.ok()) return status;
  return kube::Reply{.code = http, .body = response.body, .server_date = {}};
}

TEST(EvictionAnswer, EachMeansWhatItMeans) {
  const json budget = Cause("DisruptionBudget",
                            "The disruption budget db needs 3 healthy pods and has 3 currently");
  struct Case {
    const char* what;
    StatusOr<kube::Reply> reply;
    Said said;
  };
  const Case cases[] = {
      {"success", Reply(201, StatusBody(201, "")), Said::kAccepted},
      {"a deletion answers with the pod", Reply(200, {{"kind", "Pod"}}), Said::kAccepted},
      {"the 201 whose body says 500",
       Reply(201, StatusBody(500,
                             "This pod has more than one PodDisruptionBudget, which the eviction "
                             "subresource does not support.")),
       Said::kManyBudgets},
      {"500 as such",
       Reply(500, StatusBody(500,
                             "This pod has more than one PodDisruptionBudget, which the eviction "
                             "subresource does not support.")),
       Said::kManyBudgets},
      {"another 500 says nothing", Reply(500, StatusBody(500, "etcd is away")), Said::kUnknown},
      {"a budget",
       Reply(429,
             StatusBody(429, "Cannot evict pod as it would violate the pod's disruption budget.",
                        budget)),
       Said::kBudget},
      {"a budget that is not up to date",
       Reply(429,
             StatusBody(429, "Cannot evict pod",
                        Cause("DisruptionBudget",
                              "The disruption budget db is still being processed by the server.")),
             "10"),
       Said::kOutdated},
      {"priority and fairness", Reply(429, "Too many requests, please try again later.", "1"),
       Said::kBusy},
      {"negative disruptionsAllowed",
       Reply(403,
             StatusBody(403, "pdb disruptions allowed is negative", Cause("DisruptionBudget", ""))),
       Said::kBudget},
      {"the namespace is ending",
       Reply(403, StatusBody(403, "forbidden",
                             Cause("NamespaceTerminating", "namespace shop is being terminated"))),
       Said::kEnding},
      {"no right", Reply(403, StatusBody(403, "cannot create resource pods/eviction")),
       Said::kRefused},
      {"gone", Reply(404, StatusBody(404, "pods db-1 not found")), Said::kGone},
      {"F7: a successor has its name",
       Reply(409, StatusBody(409,
                             "Operation cannot be fulfilled on pods \"db-1\": Precondition failed: "
                             "UID in precondition: a, UID in object meta: b")),
       Said::kGone},
      {"somebody wrote to the pod meanwhile",
       Reply(409, StatusBody(409,
                             "Operation cannot be fulfilled on pods \"db-1\": the object has been "
                             "modified; please apply your changes to the latest version and try "
                             "again")),
       Said::kUnknown},
      {"unavailable", Reply(503, StatusBody(503, "")), Said::kUnknown},
      {"no connection", Unavailable("broken"), Said::kUnknown},
      {"time out", DeadlineExceeded("5s"), Said::kUnknown},
  };
  for (const Case& c : cases) EXPECT_EQ(Read(c.reply).said, c.said) << c.what;
  EXPECT_THAT(Read(cases[5].reply).text, ::testing::HasSubstr("needs 3 healthy pods"));
  EXPECT_EQ(Read(cases[6].reply).retry_after, absl::Seconds(10));
}

TEST(EvictionAnswer, PausesGrowUnlessTheServerSaysHowLong) {
  const Answer budget{Said::kBudget, ""};
  EXPECT_EQ(PauseAfter(budget, 1), absl::Seconds(5));
  EXPECT_EQ(PauseAfter(budget, 2), absl::Seconds(10));
  EXPECT_EQ(PauseAfter(budget, 5), absl::Seconds(60));
  EXPECT_EQ(PauseAfter(budget, 50), absl::Seconds(60));
  EXPECT_EQ(PauseAfter({Said::kOutdated, "", absl::Seconds(10)}, 7), absl::Seconds(10));
  EXPECT_EQ(PauseAfter({Said::kBusy, ""}, 3), absl::Seconds(1));
}

}  // namespace
}  // namespace kr::drain
