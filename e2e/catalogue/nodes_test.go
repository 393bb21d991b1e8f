package catalogue

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
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

// onNode makes a workload with one pod on the node, and returns the pod's name and UID once it is ready.
func (i *incident) onNode(kind, name string) (pod, uid string) {
	i.Helper()
	more := "replicas: 1,"
	where := "nodeName: " + node
	if kind == "DaemonSet" {
		more, where = "", "nodeSelector: {incident: "+name+"}"
		i.w.Kubectl(i, "", "label", "node", node, "--overwrite", "incident="+name)
	}
	i.w.Apply(i.T, fmt.Sprintf(`
apiVersion: apps/v1
kind: %[1]s
metadata: {name: %[2]s, namespace: %[3]s}
spec:
  %[4]s
  selector: {matchLabels: {k8s-app: %[2]s}}
  template: {metadata: {labels: {k8s-app: %[2]s}}, spec: {tolerations: [{operator: Exists}], containers: [{name: c, image: i}], %[5]s}}
`, kind, name, i.ns, strings.TrimSuffix(more, ","), where))
	i.T.Cleanup(func() { // the test's own context has ended by then
		_, _ = operator.Kubectl(context.WithoutCancel(i.Context()), i.w.AdminKubeconfig(), nil, "-n", i.ns, "delete", strings.ToLower(kind), name)
	})
	i.await("True", `{.items[0].status.conditions[?(@.type=="Ready")].status}`, "pods", "-l", "k8s-app="+name)
	return i.get("{.items[0].metadata.name}", "pods", "-l", "k8s-app="+name), i.get("{.items[0].metadata.uid}", "pods", "-l", "k8s-app="+name)
}

// awaitReplaced waits until another pod is there than that one.
func (i *incident) awaitReplaced(name, uid string) {
	i.Helper()
	harness.Eventually(i, "the pod of "+name+" to be replaced", harness.Limit, func() (bool, string) {
		all := i.get("{.items[*].metadata.uid}", "pods", "-l", "k8s-app="+name)
		return all != "" && !strings.Contains(all, uid), all + harness.Text(i.w.Policy(i, i.policy).Status)
	})
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

// R44: probes of three owners' pods fail on one node; of two they are the owners' own affair, and so are those of
// owners whose pods fail on other nodes as well.
func TestR44NodeOverload(t *testing.T) {
	i := play(t, "node/pod-restart-node-overload", "overload", "", "for: 1m", "for: 2s")
	i.w.Kubectl(t, "", "label", "node", "node-1", node, "--overwrite", "wide=yes")
	for _, owner := range []string{"wa", "wb", "wc"} {
		i.w.Apply(t, fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, namespace: overload}
spec:
  replicas: 2
  selector: {matchLabels: {k8s-app: %[1]s}}
  template:
    metadata: {labels: {k8s-app: %[1]s}}
    spec:
      nodeSelector: {wide: "yes"}
      affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {k8s-app: %[1]s}}}]}}
      containers: [{name: c, image: i}]
`, owner))
	}
	i.w.AwaitReadyPods(t, "overload", 6)
	restarted := func(pod string) {
		i.w.Kubectl(t, "", "-n", i.ns, "patch", "pod", pod, "--subresource=status", "--type=strategic", "-p", `{"status":{"containerStatuses":[{"name":"c","restartCount":1}]}}`)
	}
	for _, pod := range strings.Fields(i.get("{.items[*].metadata.name}", "pods")) { // by name: those of one owner after the other
		restarted(pod)
		i.event("wide."+pod, "Pod", pod, i.ns, i.get("{.metadata.uid}", "pod", pod), "Unhealthy", "Liveness probe failed: connection refused", 4)
	}
	fail := func(owner string) {
		pod, uid := i.onNode("Deployment", owner)
		restarted(pod)
		i.event("probe."+owner, "Pod", pod, i.ns, uid, "Unhealthy", "Liveness probe failed: context deadline exceeded", 4)
	}
	fail("xa")
	fail("xb")
	i.onNode("Deployment", "xc")
	if n := len(i.w.Remediations(t, i.policy)); n != 0 {
		t.Errorf("there are %d remediations because of two owners, and three that fail everywhere", n)
	}
	fail("xc")
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

// R51: three owners' pods get no network.
func TestR51SandboxWithoutNetwork(t *testing.T) {
	i := play(t, "node/sandbox-cni", "kube-system", "")
	_, agent := i.onNode("DaemonSet", "flannel")
	for _, owner := range []string{"xa", "xb", "xc"} {
		pod, uid := i.onNode("Deployment", owner)
		i.event("sandbox."+owner, "Pod", pod, i.ns, uid, "FailedCreatePodSandBox",
			`Failed to create pod sandbox: rpc error: plugin type="flannel" failed (add): failed to set up network for sandbox`, 6)
	}
	i.awaitTaint("kube-remedy.io/no-network", true)
	i.awaitReplaced("flannel", agent)
	i.cured()
	i.awaitTaint("kube-remedy.io/no-network", false)
	i.wantOne("node", node)
}

// R59: kube-proxy of one node is not ready.
func TestR59KubeProxyDown(t *testing.T) {
	i := play(t, "node/kube-proxy-down", "kube-system", "", "for: 3m", "for: 1s", "stableFor: 30s", "stableFor: 1s")
	pod, old := i.onNode("DaemonSet", "kube-proxy")
	i.w.Kubectl(t, "", "-n", i.ns, "patch", "pod", pod, "--subresource=status", "--type=strategic", "-p",
		`{"status":{"conditions":[{"type":"Ready","status":"False"}]}}`)
	i.awaitReplaced("kube-proxy", old)
	i.cured()
	i.wantOne("node", node)
}

// R68: no route; and a node whose network is unavailable for another reason, which is left alone.
func TestR68NetworkUnavailable(t *testing.T) {
	i := play(t, "node/node-network-unavailable", "", "", "for: 3m", "for: 1s")
	i.condition("NetworkUnavailable", "True", "NoRouteCreated", "RouteController failed to create a route")
	i.await("true", "{.spec.unschedulable}", "node", node)
	i.condition("NetworkUnavailable", "False", "RouteCreated", "RouteController created a route")
	if r := harness.Text(i.cured()); strings.Contains(r, "cannot be evaluated") {
		t.Errorf("the notice does not say what it is about: %s", r)
	}
	i.await("", "{.spec.unschedulable}", "node", node)
	i.wantOne("node", node)
	i.condition("NetworkUnavailable", "True", "CalicoIsDown", "Calico is shutting down on this node")
	i.wantOne()
	i.condition("NetworkUnavailable", "False", "CalicoIsUp", "Calico is running on this node")
}
