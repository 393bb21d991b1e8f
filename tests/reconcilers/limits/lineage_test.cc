#include "reconcilers/limits/lineage.h"

#include <gtest/gtest.h>

#include "controller/base/digest.h"
#include "tests/reconcilers/limits/limits_testing.h"

namespace kr::limits {
namespace {

crds::ObjectReference Ref(const char* api_version, const char* kind, const char* name_space,
                          const char* name, const char* uid) {
  return {api_version, kind, name_space, name, uid};
}

TEST(LineageTest, IsWhatOutlivesTheObject) {
  struct Case {
    const char* name;
    crds::ObjectReference ref;
    std::optional<PodOwners> owners;
    const char* want;
  };
  const Case cases[] = {
      {"a node", Ref("v1", "Node", "", "worker-1", "u1"), {}, "Node/worker-1"},
      {"a re-registered node", Ref("v1", "Node", "", "worker-1", "u2"), {}, "Node/worker-1"},
      {"a workload has its group and no version",
       Ref("apps/v1", "DaemonSet", "net", "calico", "u"),
       {},
       "DaemonSet.apps/net/calico"},
      {"a newer version of it",
       Ref("apps/v2", "DaemonSet", "net", "calico", "u"),
       {},
       "DaemonSet.apps/net/calico"},
      {"a cluster-scoped kind", Ref("v1", "Namespace", "", "shop", "u"), {}, "Namespace//shop"},
      {"a pod of a Deployment", Ref("v1", "Pod", "shop", "web-7d9-abc", "u"),
       PodOwners{"ReplicaSet", "d-uid"}, "Pod/shop/owner/d-uid"},
      {"a pod of a StatefulSet", Ref("v1", "Pod", "shop", "db-0", "u"),
       PodOwners{"StatefulSet", "s-uid"}, "Pod/shop/owner/s-uid/db-0"},
      {"a StatefulSet that an operator owns", Ref("v1", "Pod", "shop", "db-0", "u"),
       PodOwners{"StatefulSet", "operator-uid"}, "Pod/shop/owner/operator-uid/db-0"},
      {"a pod of its own", Ref("v1", "Pod", "shop", "debug", "u"), {}, "Pod/shop/debug"},
      {"another kind that is called Node",
       Ref("example.io/v1", "Node", "a", "b", "u"),
       {},
       "Node.example.io/a/b"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(Lineage(c.ref, c.owners), c.want);
  }
}

TEST(LineageTest, ReplacedPodKeepsCooldown) {
  PodOwners owners{"ReplicaSet", "deployment-uid"};
  EXPECT_EQ(Lineage(Ref("v1", "Pod", "shop", "web-7d9-abc", "u1"), owners),
            Lineage(Ref("v1", "Pod", "shop", "web-84f-xyz", "u2"), owners));
  PodOwners set{"StatefulSet", "set-uid"};
  EXPECT_EQ(Lineage(Ref("v1", "Pod", "shop", "db-0", "u1"), set),
            Lineage(Ref("v1", "Pod", "shop", "db-0", "u2"), set));
  EXPECT_NE(Lineage(Ref("v1", "Pod", "shop", "db-0", "u1"), set),
            Lineage(Ref("v1", "Pod", "shop", "db-1", "u3"), set));
}

TEST(LineageTest, ReregisteredNodeStaysExhausted) {
  EXPECT_EQ(Lineage(Ref("v1", "Node", "", "worker-1", "before")),
            Lineage(Ref("v1", "Node", "", "worker-1", "after")));
}

TEST(LineageTest, DigestTellsPoliciesAndLineagesApart) {
  std::string digest = LineageDigest("policy-uid", "Node/worker-1");
  EXPECT_EQ(digest, Sha256Hex("policy-uid\nNode/worker-1").substr(0, 16));
  EXPECT_EQ(digest, LineageDigest("policy-uid", "Node/worker-1"));
  EXPECT_NE(digest, LineageDigest("policy-uid", "Node/worker-2"));
  EXPECT_NE(digest, LineageDigest("other-uid", "Node/worker-1"));
}

// FIPS 180-4's own examples: other programs must be able to compute the same.
TEST(LineageTest, Sha256IsSha256) {
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

}  // namespace
}  // namespace kr::limits
