#include "cmd/kubectl-remedy/timeline.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cmd/kubectl-remedy/table.h"
#include "crds/v1alpha1/codec.h"

namespace kr::cmd {
namespace {

using ::testing::HasSubstr;

constexpr char kRunning[] = R"json({
  "apiVersion": "kube-remedy.io/v1alpha1", "kind": "Remediation",
  "metadata": {"name": "r-1", "uid": "u", "creationTimestamp": "2026-11-21T05:00:03Z"},
  "spec": {"policyRef": {"name": "calico", "uid": "p"}, "mode": "Enforce",
           "targetRef": {"apiVersion": "apps/v1", "kind": "DaemonSet", "namespace": "kube-system",
                         "name": "calico-node", "uid": "t"}},
  "status": {
    "phase": "Running", "reason": "Running", "message": "waits for the rollout",
    "detectedAt": "2026-11-21T05:00:02.5Z", "startedAt": "2026-11-21T05:00:03Z",
    "trigger": {"name": "probe", "since": "2026-11-21T05:00:02Z"},
    "evidence": [{"source": "events.probes", "message": "lookup localhost:\nno such host", "count": 3,
                  "lastSeen": "2026-11-21T05:00:01Z"},
                 {"source": "match.unset", "message": "!has(x)"
}],
    "phaseTimes": [{"phase": "Running", "at": "2026-11-21T05:00:03Z"}],
    "plan": [{"remedy": "set", "attempt": 1, "step": 0, "action": "setEnv", "text": "set X=1"},
             {"remedy": "set", "attempt": 1, "step": 1, "action": "waitFor", "text": "wait"},
             {"remedy": "restart", "attempt": 1, "step": 0, "action": "patch", "text": "restart it",
              "message": "not validated: an earlier step writes the same object"}],
    "remedies": [{"name": "set", "state": "Running", "attempt": 1, "startedAt": "2026-11-21T05:00:03.1Z"}],
    "steps": [{"remedy": "set", "attempt": 1, "step": 0, "action": "setEnv", "state": "Succeeded",
               "startedAt": "2026-11-21T05:00:03.2Z", "finishedAt": "2026-11-21T05:00:03.4Z",
               "message": "done: set X=1",
               "writes": [{"verb": "Patch", "outcome": "Applied", "intentAt": "2026-11-21T05:00:03.3Z",
                           "object": {"apiVersion": "apps/v1", "kind": "DaemonSet",
                                      "namespace": "kube-system", "name": "calico-node", "uid": "t"}}]},
              {"remedy": "set", "attempt": 1, "step": 1, "action": "waitFor", "state": "Running",
               "startedAt": "2026-11-21T05:00:03.5Z"}],
    "ledger": {"n": 2, "failures": 0},
    "lineage": "ab", "policyGeneration": 1
  }})json";

crds::Remediation Read(const std::string& text) {
  auto remediation = crds::FromJson<crds::Remediation>(nlohmann::json::parse(text));
  EXPECT_TRUE(remediation.ok()) << remediation.status();
  return remediation.ok() ? *remediation : crds::Remediation();
}

TEST(Timeline, TellsTheStoryFromTheSymptomOnAndWhatIsStillPlanned) {
  EXPECT_EQ(
      FormatTimeline(Read(kRunning)),
      "DaemonSet kube-system/calico-node: Running (Running)\n"
      "  waits for the rollout\n"
      "Policy calico, mode Enforce; remediation 2 of this target\n"
      "\n"
      "2026-11-21 05:00:01.000  seen by events.probes, 3 times until then: lookup localhost: no "
      "such host\n"
      "2026-11-21 05:00:02.000  trigger probe holds\n"
      "2026-11-21 05:00:02.500  detected\n"
      "2026-11-21 05:00:03.000  phase Running\n"
      "2026-11-21 05:00:03.100  remedy set begins\n"
      "2026-11-21 05:00:03.200  set step 1 setEnv: begins\n"
      "2026-11-21 05:00:03.300  set step 1 setEnv: Patch DaemonSet kube-system/calico-node: "
      "Applied\n"
      "2026-11-21 05:00:03.400  set step 1 setEnv: Succeeded: done: set X=1\n"
      "2026-11-21 05:00:03.500  set step 2 waitFor: begins\n"
      "\n"
      "Planned and not begun:\n"
      "  restart step 1 patch: restart it, not validated: an earlier step writes the same "
      "object\n");
}

TEST(Timeline, SaysThatAWriteMayHaveBeenSent) {
  nlohmann::json object = nlohmann::json::parse(kRunning);
  object["status"]["intent"] = {{"remedy", "set"},
                                {"attempt", 2},
                                {"step", 0},
                                {"verb", "Patch"},
                                {"at", "2026-11-21T05:00:04Z"},
                                {"object",
                                 {{"apiVersion", "apps/v1"},
                                  {"kind", "DaemonSet"},
                                  {"namespace", "kube-system"},
                                  {"name", "calico-node"},
                                  {"uid", "t"}}}};
  EXPECT_THAT(FormatTimeline(Read(object.dump())),
              HasSubstr("2026-11-21 05:00:04.000  set step 1 (attempt 2): Patch DaemonSet "
                        "kube-system/calico-node may have been sent\n"));
}

TEST(Timeline, OneThatNobodyTookUpSaysSo) {
  nlohmann::json object = nlohmann::json::parse(kRunning);
  object.erase("status");
  EXPECT_EQ(FormatTimeline(Read(object.dump())),
            "DaemonSet kube-system/calico-node: not taken up yet\n"
            "Policy calico, mode Enforce\n");
}

TEST(Table, AgesAsKubectlShowsThem) {
  const struct {
    absl::Duration age;
    std::string text;
  } cases[] = {
      {absl::Seconds(-10), "<invalid>"},
      {absl::Milliseconds(-500), "0s"},
      {absl::Seconds(119), "119s"},
      {absl::Seconds(120), "2m"},
      {absl::Seconds(205), "3m25s"},
      {absl::Minutes(10), "10m"},
      {absl::Minutes(179), "179m"},
      {absl::Minutes(185), "3h5m"},
      {absl::Hours(8), "8h"},
      {absl::Hours(47), "47h"},
      {absl::Hours(49), "2d1h"},
      {absl::Hours(24 * 8), "8d"},
      {absl::Hours(24 * 729), "729d"},
      {absl::Hours(24 * 800), "2y70d"},
      {absl::Hours(24 * 365 * 9), "9y"},
  };
  for (const auto& c : cases) EXPECT_EQ(FormatAge(c.age), c.text) << c.age;
}

TEST(Table, ColumnsAreAsWideAsTheirWidestCellInCodePoints) {
  EXPECT_EQ(FormatTable({"A", "B"}, {{"ö", "x"}, {"long", ""}, {"s"}}),
            "A      B\nö      x\nlong\ns\n");
}

}  // namespace
}  // namespace kr::cmd
