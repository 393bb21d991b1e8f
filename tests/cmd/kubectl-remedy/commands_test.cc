#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/cmd/kubectl-remedy/fake_cluster.h"

namespace kr::cmd {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

json Policy(const std::string& name) {
  return {{"metadata", {{"name", name}, {"uid", "u-" + name}}}, {"spec", json::object()}};
}

json Remediation(const std::string& name, const std::string& policy, const std::string& created) {
  return {{"apiVersion", "kube-remedy.io/v1alpha1"},
          {"kind", "Remediation"},
          {"metadata", {{"name", name}, {"uid", "u-" + name}, {"creationTimestamp", created}}},
          {"spec",
           {{"policyRef", {{"name", policy}, {"uid", "p"}}},
            {"targetRef",
             {{"apiVersion", "apps/v1"},
              {"kind", "Deployment"},
              {"namespace", "shop"},
              {"name", "web"},
              {"uid", "t"}}}}}};
}

json In(json remediation, const std::string& phase, const std::string& reason,
        const std::string& message) {
  remediation["status"] = {{"phase", phase}, {"reason", reason}, {"message", message}};
  return remediation;
}

TEST(PauseCommand, PausesAndResumesAndSaysWhatWasSoAlready) {
  Terminal terminal;
  terminal.cluster.Put(kPolicies, Policy("a"));
  terminal.cluster.Put(kPolicies, Policy("b"));
  EXPECT_EQ(terminal.Run({"pause", "a", "b"}), 0);
  EXPECT_EQ(terminal.out.str(), "remediationpolicy/a is paused\nremediationpolicy/b is paused\n");
  EXPECT_EQ(terminal.cluster.At(kPolicies, "a")["spec"]["paused"], true);

  EXPECT_EQ(terminal.Run({"pause", "a"}), 0);
  EXPECT_EQ(terminal.out.str(), "remediationpolicy/a was paused already\n");
  EXPECT_EQ(terminal.Run({"resume", "a"}), 0);
  EXPECT_EQ(terminal.out.str(), "remediationpolicy/a is not paused\n");
  EXPECT_THAT(terminal.cluster.writes(),
              ElementsAre(R"({"paused":true})", R"({"paused":true})", R"({"paused":false})"));
}

TEST(PauseCommand, UnknownPolicyIsTheServersErrorAndStatusOne) {
  Terminal terminal;
  EXPECT_EQ(terminal.Run({"pause", "nope"}), 1);
  EXPECT_THAT(terminal.err.str(), HasSubstr("error: \"nope\" not found"));
  EXPECT_THAT(terminal.cluster.writes(), IsEmpty());
}

TEST(PauseCommand, SomebodyElsesEditInBetweenIsNotOverwritten) {
  Terminal terminal;
  terminal.cluster.Put(kPolicies, Policy("a"));
  // The object changes between our read and our write.
  StatusOr<json> seen =
      Cluster(terminal.cluster)
          .Get({{"kube-remedy.io", "v1alpha1", ""}, "remediationpolicies", false}, {"", "a"});
  ASSERT_TRUE(seen.ok());
  terminal.cluster.Put(kPolicies, Policy("a"));
  const auto patched =
      Cluster(terminal.cluster)
          .Patch({{"kube-remedy.io", "v1alpha1", ""}, "remediationpolicies", false}, *seen,
                 {{"spec", {{"paused", true}}}});
  EXPECT_TRUE(absl::IsAborted(patched.status()));
}

TEST(CancelCommand, WaitsUntilItHasEndedAndTellsTheEnd) {
  Terminal terminal;
  terminal.cluster.Put(kRemediations, In(Remediation("r", "p", "2026-11-21T10:00:00Z"), "Running",
                                         "Running", "step 1"));
  int looks = 0;
  terminal.cluster.before_get = [&] {
    if (++looks < 4) return;
    json& object = terminal.cluster.At(kRemediations, "r");
    object = In(object, "Cancelled", "CancelRequested", "cancelled by spec.cancel");
  };
  EXPECT_EQ(terminal.Run({"cancel", "r"}), 0);
  EXPECT_EQ(terminal.out.str(), "remediation/r: Cancelled, cancelled by spec.cancel\n");
  EXPECT_EQ(terminal.err.str(), "waiting: step 1\n") << "progress is told once, not at each look";
  EXPECT_THAT(terminal.cluster.writes(), ElementsAre(R"({"cancel":true})"));
}

TEST(CancelCommand, OneThatHasEndedIsLeftAlone) {
  Terminal terminal;
  terminal.cluster.Put(kRemediations, In(Remediation("r", "p", "2026-11-21T10:00:00Z"), "Succeeded",
                                         "Cured", "it is cured"));
  EXPECT_EQ(terminal.Run({"cancel", "r"}), 0);
  EXPECT_EQ(terminal.out.str(), "remediation/r had ended already: Succeeded, it is cured\n");
  EXPECT_THAT(terminal.cluster.writes(), IsEmpty());
}

TEST(CancelCommand, SaysWhatItWaitedForWhenTimeIsUp) {
  Terminal terminal;
  terminal.cluster.Put(kRemediations, In(Remediation("r", "p", "2026-11-21T10:00:00Z"), "Running",
                                         "Running", "must complete"));
  EXPECT_EQ(terminal.Run({"cancel", "r", "--timeout", "5"}), 1);
  EXPECT_THAT(terminal.err.str(), HasSubstr("has not ended within 5s"));
  EXPECT_THAT(terminal.err.str(), HasSubstr("must complete"));
  EXPECT_EQ(terminal.Run({"cancel", "r", "--timeout", "0"}), 0);
  EXPECT_EQ(terminal.out.str(), "remediation/r is asked to cancel\n");
}

TEST(StatusCommand, OpenOnesComeFirstThenTheYoungest) {
  Terminal terminal;
  terminal.clock.JumpWall(
      absl::FromCivil(absl::CivilSecond(2026, 11, 21, 12), absl::UTCTimeZone()) -
      terminal.clock.Now());
  terminal.cluster.Put(kRemediations, In(Remediation("old", "p", "2026-11-20T10:00:00Z"), "Failed",
                                         "NotCured", "no\nluck"));
  terminal.cluster.Put(kRemediations, In(Remediation("new", "p", "2026-11-21T11:00:00Z"),
                                         "Succeeded", "Cured", "fine"));
  terminal.cluster.Put(kRemediations, In(Remediation("open", "q", "2026-11-20T09:00:00Z"),
                                         "Verifying", "Verifying", "looks cured"));
  EXPECT_EQ(terminal.Run({"status"}), 0);
  EXPECT_EQ(terminal.out.str(),
            "NAME   POLICY   TARGET                PHASE       REASON      AGE   MESSAGE\n"
            "open   q        Deployment shop/web   Verifying   Verifying   27h   looks cured\n"
            "new    p        Deployment shop/web   Succeeded   Cured       60m   fine\n"
            "old    p        Deployment shop/web   Failed      NotCured    26h   no luck\n");
  EXPECT_EQ(terminal.Run({"status", "--policy", "q"}), 0);
  EXPECT_THAT(terminal.out.str(), HasSubstr("open"));
  EXPECT_THAT(terminal.out.str(), Not(HasSubstr("new")));
  EXPECT_EQ(terminal.Run({"status", "--policy", "none"}), 0);
  EXPECT_EQ(terminal.err.str(), "No remediations of policy none.\n");
}

TEST(StatusCommand, OneThatCannotBeReadDoesNotHideTheOthers) {
  Terminal terminal;
  terminal.cluster.Put(kRemediations, In(Remediation("good", "p", "2026-11-20T10:00:00Z"), "Failed",
                                         "NotCured", "no"));
  terminal.cluster.Put(kRemediations, In(Remediation("odd", "p", "2026-11-20T10:00:00Z"),
                                         "FromTheFuture", "NotCured", "no"));
  EXPECT_EQ(terminal.Run({"status"}), 0);
  EXPECT_THAT(terminal.out.str(), HasSubstr("good"));
  EXPECT_THAT(terminal.err.str(), HasSubstr("warning: a Remediation cannot be read"));
}

TEST(StatusCommand, JsonIsTheObjectAsTheServerHasIt) {
  Terminal terminal;
  terminal.cluster.Put(kRemediations, Remediation("r", "p", "2026-11-20T10:00:00Z"));
  EXPECT_EQ(terminal.Run({"status", "r", "-o", "json"}), 0);
  EXPECT_EQ(json::parse(terminal.out.str()), terminal.cluster.At(kRemediations, "r"));
}

TEST(CommandLine, WrongOnesEndWithStatusTwoAndTheWayToTheHelp) {
  Terminal terminal;
  EXPECT_EQ(terminal.Run({}), 2);
  EXPECT_EQ(terminal.Run({"reboot-all"}), 2);
  EXPECT_THAT(terminal.err.str(), HasSubstr("there is no command reboot-all"));
  EXPECT_THAT(terminal.err.str(), HasSubstr("kubectl-remedy --help"));
  EXPECT_EQ(terminal.Run({"cancel"}), 2);
  EXPECT_EQ(terminal.Run({"cancel", "x", "--timeout", "-1"}), 2);
  EXPECT_EQ(terminal.Run({"status", "-o", "xml"}), 2);
  EXPECT_EQ(terminal.Run({"status", "--help"}), 0);
  EXPECT_THAT(terminal.out.str(), HasSubstr("Examples:"));
}

}  // namespace
}  // namespace kr::cmd
