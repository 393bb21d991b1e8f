package catalogue

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
)

// node is the simulated node that the incidents are about; the others are well.
const node = "node-2"

// condition sets one of a node, as its owner would.
func (i *incident) condition(kind, status, reason, message string) {
	i.Helper()
	i.w.Kubectl(i, "", "patch", "node", node, "--subresource=status", "--type=strategic", "-p", fmt.Sprintf(
		`{"status":{"conditions":[{"type":%q,"status":%q,"reason":%q,"message":%q,"lastHeartbeatTime":%q,"lastTransitionTime":%[5]q}]}}`,
		kind, status, reason, message, ago(0)))
}

// event tells something about an object.
func (i *incident) event(name, kind, object, ns, uid, reason, message string, count int) {
	i.Helper()
	in := ns
	if in == "" {
		in = "default"
	}
	i.w.Apply(i.T, fmt.Sprintf(`
apiVersion: v1
kind: Event
metadata: {name: %[1]s, namespace: %[2]s}
type: Warning
reason: %[3]s
message: %[4]q
involvedObject: {apiVersion: v1, kind: %[5]s, name: %[6]s, namespace: %[7]q, uid: %[8]q}
source: {component: kubelet, host: %[9]s}
count: %[10]d
firstTimestamp: %[11]s
lastTimestamp: %[11]s
`, name, in, reason, message, kind, object, ns, uid, node, count, ago(0)))
}

// onNode makes a pod of an owner on the node, and returns its UID. Nobody makes it anew.
func (i *incident) onNode(name, owner, labels string) string {
	i.Helper()
	i.w.Apply(i.T, fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata:
  name: %[1]s
  namespace: %[2]s
  labels: {%[5]s}
  ownerReferences: [{apiVersion: apps/v1, kind: %[3]s, name: %[4]s, uid: %[4]s, controller: true}]
spec: {nodeName: %[6]s, tolerations: [{operator: Exists}], containers: [{name: c, image: i}]}
`, name, i.ns, strings.Split(owner, "/")[0], strings.Split(owner, "/")[1], labels, node))
	i.T.Cleanup(func() { i.w.TryKubectl(i.T, "", "-n", i.ns, "delete", "pod", name, "--force") })
	return i.get("{.metadata.uid}", "pod", name)
}

func (i *incident) awaitTaint(key string, there bool) {
	i.Helper()
	harness.Eventually(i, fmt.Sprintf("the taint %s: %v", key, there), harness.Limit, func() (bool, string) {
		taints := i.get("{.spec.taints[*].key}", "node", node)
		return strings.Contains(" "+taints+" ", " "+key+" ") == there, taints + "\n" + harness.Text(i.w.Policy(i, i.policy).Status)
	})
}

// R41: the kernel has killed twice; once is nothing.
func TestR41SystemOOM(t *testing.T) {
	i := play(t, "node/node-system-oom", "", "", "'30m'", "'2s'", "timeout: 35m", "timeout: 30s")
	uid := i.get("{.metadata.uid}", "node", node)
	i.event("oom.1", "Node", node, "", uid, "SystemOOM", "System OOM encountered, victim process: java, pid: 1", 1)
	i.event("oom.2", "Node", node, "", uid, "SystemOOM", "System OOM encountered, victim process: java, pid: 2", 1)
	i.awaitTaint("kube-remedy.io/system-oom", true)
	i.cured()
	i.awaitTaint("kube-remedy.io/system-oom", false)
	i.wantOne("node", node)
}

// R44: probes of three owners' pods fail on one node.
func TestR44NodeOverload(t *testing.T) {
	i := play(t, "node/pod-restart-node-overload", "overload", "")
	for _, owner := range []string{"xa", "xb", "xc"} {
		uid := i.onNode("pod-"+owner, "ReplicaSet/"+owner, "")
		i.event("probe."+owner, "Pod", "pod-"+owner, i.ns, uid, "Unhealthy", "Liveness probe failed: context deadline exceeded", 4)
	}
	i.awaitTaint("kube-remedy.io/overloaded", true)
	i.cured()
	i.awaitTaint("kube-remedy.io/overloaded", false)
	evicted := 0
	for _, write := range i.w.Writes(t, "pods", i.ns, "") {
		if strings.Contains(write.RequestURI, "/eviction") {
			evicted++
		}
	}
	if evicted != 1 {
		t.Errorf("%d pods were evicted, want one", evicted)
	}
	i.wantOne("node", node)
}

// R51: three owners' pods get no network, and then the same because addresses have run out.
func TestR51SandboxWithoutNetwork(t *testing.T) {
	i := play(t, "node/sandbox-cni", "kube-system", "")
	agent := i.onNode("net-agent", "DaemonSet/flannel", "k8s-app: flannel")
	i.await("True", `{.status.conditions[?(@.type=="Ready")].status}`, "pod", "net-agent")
	for _, owner := range []string{"xa", "xb", "xc"} {
		uid := i.onNode("no-net-"+owner, "ReplicaSet/"+owner, "")
		i.event("sandbox."+owner, "Pod", "no-net-"+owner, i.ns, uid, "FailedCreatePodSandBox",
			`Failed to create pod sandbox: rpc error: plugin type="flannel" failed (add): failed to set up network for sandbox`, 6)
	}
	i.awaitTaint("kube-remedy.io/no-network", true)
	harness.Eventually(t, "the pod of the network to be replaced", harness.Limit, func() (bool, string) {
		uid := i.get("{.metadata.uid}", "pod", "net-agent")
		return uid != agent, uid
	})
	i.onNode("net-agent", "DaemonSet/flannel", "k8s-app: flannel") // its DaemonSet's part
	i.cured()
	i.awaitTaint("kube-remedy.io/no-network", false)
}

// R59: kube-proxy of one node is not ready.
func TestR59KubeProxyDown(t *testing.T) {
	i := play(t, "node/kube-proxy-down", "kube-system", "", "for: 3m", "for: 1s", "stableFor: 30s", "stableFor: 1s")
	old := i.onNode("kube-proxy-x", "DaemonSet/kube-proxy", "k8s-app: kube-proxy")
	i.await("True", `{.status.conditions[?(@.type=="Ready")].status}`, "pod", "kube-proxy-x")
	i.w.Kubectl(t, "", "-n", i.ns, "patch", "pod", "kube-proxy-x", "--subresource=status", "--type=strategic", "-p",
		`{"status":{"conditions":[{"type":"Ready","status":"False"}]}}`)
	harness.Eventually(t, "the pod to be deleted", harness.Limit, func() (bool, string) {
		uid := i.get("{.metadata.uid}", "pod", "kube-proxy-x")
		return uid != old, uid
	})
	i.onNode("kube-proxy-x", "DaemonSet/kube-proxy", "k8s-app: kube-proxy")
	i.cured()
	i.wantOne("node", node)
}

// R68: no route; and a node whose network is unavailable for another reason, which is left alone.
func TestR68NetworkUnavailable(t *testing.T) {
	i := play(t, "node/node-network-unavailable", "", "", "for: 3m", "for: 1s")
	i.condition("NetworkUnavailable", "True", "NoRouteCreated", "RouteController failed to create a route")
	i.await("true", "{.spec.unschedulable}", "node", node)
	i.condition("NetworkUnavailable", "False", "RouteCreated", "RouteController created a route")
	i.cured()
	i.await("", "{.spec.unschedulable}", "node", node)
	i.wantOne("node", node)
	i.condition("NetworkUnavailable", "True", "CalicoIsDown", "Calico is shutting down on this node")
	i.wantOne()
	i.condition("NetworkUnavailable", "False", "CalicoIsUp", "Calico is running on this node")
}
