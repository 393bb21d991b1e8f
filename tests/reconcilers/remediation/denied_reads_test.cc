// What may not be read does not keep anybody waiting: it ends as a write does that is refused, and
// the answer of the API server names what is missing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/crds/manifests.h"
#include "tests/reconcilers/remediation/node_world.h"

namespace kr::remediation {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class DeniedReads : public NodeWorld {
 protected:
  DeniedReads() {
    s.options.limits.exempt_from_node_budget = {"policy"};
    s.api.kinds["/apis/kube-remedy.io/v1alpha1"] = {{"nodetasks", "NodeTask"},
                                                    {"nodecommands", "NodeCommand"}};
    s.server.Put("nodecommands", testing::ParseYaml(R"Y(
apiVersion: kube-remedy.io/v1alpha1
kind: NodeCommand
metadata: {name: restart}
spec: {commands: [{argv: [/bin/true], timeout: 1m}]}
)Y"));
  }
  void Deny(const std::string& part) {
    s.api.refuse_read = [part](const std::string& target) {
      return target.find(part) == std::string::npos ? 0 : 403;
    };
  }
  void Begin(const json& patch = json::object()) {
    Nodes(3);
    json spec = Spec({{"remedies", Remedy({{{"nodeCommand", {{"name", "restart"}}}}})}});
    spec.merge_patch(patch);
    s.Policy(spec);
    s.Start();
    Ready("n0", "False");
    Pass(absl::Minutes(1));
  }
};

TEST_F(DeniedReads, OfTheTarget) {
  Deny("/nodes/n0");
  Begin();
  EXPECT_EQ(s.Phase(), "Failed");
  EXPECT_EQ(s.Reason(), "PermissionDenied");
  EXPECT_THAT(Message(), HasSubstr("Forbidden"));
}

TEST_F(DeniedReads, OfWhatAStepLooksAt) {
  Deny("/nodecommands/");
  Begin();
  EXPECT_EQ(s.Phase(), "Failed");
  EXPECT_EQ(s.Reason(), "StepFailed");
  EXPECT_THAT(Message(), HasSubstr("PermissionDenied: the API server refused: "));
}

// Both make a plan first, and read for it.
class DeniedPlans : public DeniedReads, public ::testing::WithParamInterface<const char*> {};

TEST_P(DeniedPlans, OfWhatAPlanRestsOn) {
  Deny("/nodecommands/");
  Begin({{"mode", GetParam()}});
  EXPECT_EQ(s.Phase(), "Failed");
  EXPECT_EQ(s.Reason(), "PermissionDenied");
  EXPECT_THAT(Message(), HasSubstr("what the plan rests on could not be read: "));
}

INSTANTIATE_TEST_SUITE_P(Modes, DeniedPlans, ::testing::Values("Approve", "Observe"));

}  // namespace
}  // namespace kr::remediation
