// The shipped command edit-static-pod-flag on the manifest that kubeadm writes, with real programs
// in the place of the kubelet and of curl.
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crds/v1alpha1/node_codec.h"
#include "reconcilers/node/parameters.h"
#include "tests/crds/manifests.h"
#include "tests/reconcilers/agent/host.h"
#include "tests/support/status_matchers.h"

namespace kr::agent {
namespace {

using ::testing::HasSubstr;

constexpr char kManifest[] = R"Y(apiVersion: v1
kind: Pod
metadata:
  creationTimestamp: null
  labels: {component: etcd, tier: control-plane}
  name: etcd
  namespace: kube-system
spec:
  containers:
  - command:
    - etcd
    - --advertise-client-urls=https://10.0.0.4:2379
    - --quota-backend-bytes=2147483648   # until INC-1187
    - --snapshot-count=10000
    image: registry.k8s.io/etcd:3.6.4-0
    name: etcd
)Y";
constexpr char kPath[] = "etc/kubernetes/manifests/etcd.yaml";

class StaticPodFlag : public ::testing::Test {
 protected:
  StaticPodFlag() { host.dir.Write(kPath, kManifest); }
  std::string File() const { return ReadFile(host.dir.Path(kPath)); }
  // `well` is what the component answers with its new flag.
  Executed Set(const std::string& flag, const std::string& value, bool well) {
    const auto command = crds::FromJson<crds::NodeCommand>(
        testing::LoadManifest("config/node-commands/edit-static-pod-flag.yaml"));
    KR_EXPECT_OK(command);
    const auto values =
        node::ResolveParameters(command->spec, {{"component", "etcd"},
                                                {"flag", flag},
                                                {"value", value},
                                                {"healthz", "http://127.0.0.1:2381/health"}});
    KR_EXPECT_OK(values);
    host.spec.commands = *node::FillIn(command->spec, *values);
    crds::HostCommand& edit = host.spec.commands.at(0);
    EXPECT_EQ(edit.edit_file->rollback_unless.back(), "http://127.0.0.1:2381/health");
    edit.edit_file->reload = {"/bin/true"};
    edit.edit_file->rollback_unless = {well ? "/bin/true" : "/bin/false"};
    edit.timeout = absl::Seconds(2);
    return host.Run();
  }

  Host host;
};

TEST_F(StaticPodFlag, IsReplacedAndTheRestOfTheManifestStays) {
  const Executed done = Set("quota-backend-bytes", "8589934592", /*well=*/true);
  EXPECT_TRUE(done.succeeded) << done.message;
  std::string expected = kManifest;
  expected.replace(expected.find("2147483648"), 10, "8589934592");
  EXPECT_EQ(File(), expected);
  // The kubelet would run what it finds beside it.
  EXPECT_EQ(
      std::distance(std::filesystem::directory_iterator(host.dir.Path("etc/kubernetes/manifests")),
                    std::filesystem::directory_iterator()),
      1);
}

TEST_F(StaticPodFlag, ThatWasNotThereIsAdded) {
  const Executed done = Set("auto-compaction-retention", "8h", /*well=*/true);
  EXPECT_TRUE(done.succeeded) << done.message;
  EXPECT_THAT(File(), HasSubstr("    - --auto-compaction-retention=8h\n"));
  EXPECT_THAT(File(), HasSubstr("--quota-backend-bytes=2147483648   # until INC-1187\n"));
}

TEST_F(StaticPodFlag, OfAComponentThatDoesNotComeBackGoesBack) {
  const Executed done = Set("quota-backend-bytes", "1", /*well=*/false);
  EXPECT_FALSE(done.succeeded);
  EXPECT_TRUE(done.results.at(0).rolled_back);
  EXPECT_EQ(File(), kManifest);
}

}  // namespace
}  // namespace kr::agent
