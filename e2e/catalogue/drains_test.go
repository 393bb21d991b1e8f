package catalogue

import (
	"fmt"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
)

// pool makes two nodes of their own with a StatefulSet of two pods that only they can run, and returns the first node.
func pool(t *testing.T, name string) string {
	t.Helper()
	w, _ := withNodes.Get(t)
	nodes := []string{name + "-1", name + "-2"}
	for _, node := range nodes {
		w.Node(t, node, "zone-a")
		w.Kubectl(t, "", "label", "node", node, "pool="+name)
	}
	w.AwaitSchedulable(t, nodes...)
	w.Namespace(t, name)
	w.Apply(t, fmt.Sprintf(`
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: %[1]s}
spec:
  replicas: 2
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      nodeSelector: {pool: %[1]s}
      topologySpreadConstraints:
      - {maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule, nodeTaintsPolicy: Honor, labelSelector: {matchLabels: {app: db}}}
      containers: [{name: main, image: "registry.local/main:1"}]
`, name))
	w.AwaitReadyPods(t, name, 2)
	return name + "-1"
}

// nodeStatus patches the status of a node.
func nodeStatus(t *testing.T, w *harness.World, node, patch string) {
	t.Helper()
	_, err := w.Client.CoreV1().Nodes().Patch(t.Context(), node, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{}, "status")
	harness.Must(t, err)
}

// awaitEmpty waits until the node is cordoned and none of the namespace's pods is on it.
func (i *incident) awaitEmpty(node, namespace string) {
	i.Helper()
	harness.Eventually(i, node+" to be cordoned and empty", harness.Limit, func() (bool, string) {
		n, err := i.w.Client.CoreV1().Nodes().Get(i.Context(), node, metav1.GetOptions{})
		harness.Must(i, err)
		left := i.w.PodsOn(i, namespace, node)
		all := i.w.Remediations(i, i.policy)
		state := "no Remediation"
		if len(all) > 0 {
			state = all[len(all)-1].String()
		}
		return n.Spec.Unschedulable && len(left) == 0, fmt.Sprintf("unschedulable %v, %v, %s", n.Spec.Unschedulable, left, state)
	})
	i.w.AwaitReadyPods(i, namespace, 2)
}

func (i *incident) awaitUncordoned(node string) {
	i.Helper()
	harness.Eventually(i, node+" to be uncordoned", harness.Limit, func() (bool, string) {
		n, err := i.w.Client.CoreV1().Nodes().Get(i.Context(), node, metav1.GetOptions{})
		harness.Must(i, err)
		all := i.w.Remediations(i, i.policy)
		return !n.Spec.Unschedulable, all[len(all)-1].String()
	})
}

func kernelDeadlock(status string, heartbeat time.Duration) string {
	return fmt.Sprintf(`{"status":{"conditions":[{"type":"KernelDeadlock","status":%q,"reason":"DockerHung","message":"task docker:7 blocked for more than 120 seconds",`+
		`"lastHeartbeatTime":%q,"lastTransitionTime":%q}]}}`, status, ago(heartbeat), ago(time.Hour))
}

// R01: a node whose kernel hangs is emptied, StatefulSets included, and given back when the condition has gone.
func TestR01KernelDeadlock(t *testing.T) {
	node := pool(t, "r01")
	i := play(t, "node/kernel-deadlock", "", "", "for: 5m", "for: 1s")
	// A condition that nobody renews is no symptom.
	nodeStatus(t, i.w, node, kernelDeadlock("True", time.Hour))
	nodeStatus(t, i.w, "r01-2", kernelDeadlock("False", 0))
	time.Sleep(3 * time.Second)
	if all := i.w.Remediations(t, i.policy); len(all) != 0 {
		t.Fatalf("an old condition started %v", all[0].String())
	}
	nodeStatus(t, i.w, node, kernelDeadlock("True", 0))
	i.awaitEmpty(node, "r01")
	i.w.AwaitPhase(t, i.policy, "Holding")
	nodeStatus(t, i.w, node, kernelDeadlock("False", 0))
	i.awaitUncordoned(node)
	i.cured()
	i.wantOne("node", node)
}

// R34: maintenance begins and ends with a label.
func TestR34NodeMaintenance(t *testing.T) {
	node := pool(t, "r34")
	i := play(t, "node/node-maintenance", "", "")
	i.w.Kubectl(t, "", "label", "node", node, "kube-remedy.io/maintenance=requested")
	i.awaitEmpty(node, "r34")
	i.w.AwaitPhase(t, i.policy, "Holding")
	i.w.Kubectl(t, "", "label", "node", node, "kube-remedy.io/maintenance-")
	i.awaitUncordoned(node)
	i.cured()
	i.wantOne("node", node)
	// Whoever had cordoned it before finds it so after.
	i.w.Kubectl(t, "", "cordon", "r34-2")
	i.w.Kubectl(t, "", "label", "node", "r34-2", "kube-remedy.io/maintenance=requested")
	i.w.AwaitRemediation(t, i.policy, "to be about r34-2 and to hold", func(r *harness.Remediation) bool {
		return r.Spec.TargetRef.Name == "r34-2" && r.Status.Phase == "Holding"
	})
	i.w.Kubectl(t, "", "label", "node", "r34-2", "kube-remedy.io/maintenance-")
	i.w.AwaitRemediation(t, i.policy, "to have succeeded", func(r *harness.Remediation) bool { return r.Status.Phase == "Succeeded" })
	if n, err := i.w.Client.CoreV1().Nodes().Get(t.Context(), "r34-2", metav1.GetOptions{}); err != nil || !n.Spec.Unschedulable {
		t.Errorf("a person's cordon was taken back (%v)", err)
	}
}

// R93: what is only announced keeps to the budgets; a machine that is taken away is left in time, budgets or not.
func TestR93SpotTermination(t *testing.T) {
	node := pool(t, "r93")
	w, _ := withNodes.Get(t)
	w.Apply(t, `
apiVersion: apps/v1
kind: Deployment
metadata: {name: held, namespace: r93}
spec:
  replicas: 2
  selector: {matchLabels: {app: held}}
  template:
    metadata: {labels: {app: held}}
    spec:
      nodeSelector: {pool: r93}
      topologySpreadConstraints:
      - {maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule, nodeTaintsPolicy: Honor, labelSelector: {matchLabels: {app: held}}}
      containers: [{name: main, image: "registry.local/main:1"}]
`)
	w.AwaitReadyPods(t, "r93", 4)
	w.Budget(t, "r93", "held", "maxUnavailable", 0)
	planned := play(t, "node/planned-termination-drain", "", "")
	i := play(t, "node/spot-termination-drain", "", "", "timeout: 110s", "timeout: 10s")
	i.w.Kubectl(t, "", "taint", "node", node, "aws-node-termination-handler/rebalance-recommendation=x:PreferNoSchedule")
	i.w.AwaitRemediation(t, planned.policy, "to be held up by the budget alone", func(r *harness.Remediation) bool {
		left := i.w.PodsOn(t, "r93", node)
		return strings.Contains(r.Status.Message, "PodDisruptionBudget r93/held") && len(left) == 1 && strings.HasPrefix(left[0], "held-")
	})
	if all := i.w.Remediations(t, i.policy); len(all) != 0 {
		t.Errorf("a recommendation is no interruption: %v", all[0].String())
	}
	i.w.Kubectl(t, "", "taint", "node", "r93-2", "some-other/taint=x:PreferNoSchedule")
	i.w.Kubectl(t, "", "taint", "node", node, "aws-node-termination-handler/spot-itn=x:NoSchedule")
	harness.Eventually(t, node+" to be empty", harness.Limit, func() (bool, string) {
		left := i.w.PodsOn(t, "r93", node)
		return len(left) == 0, strings.Join(left, " ")
	})
	i.w.AwaitPhase(t, i.policy, "Holding")
	planned.cured()
	deleted := 0
	for _, write := range i.w.Writes(t, "pods", "r93", "") {
		if write.Verb == "delete" && strings.HasPrefix(write.ObjectRef.Name, "held-") {
			deleted++
		}
	}
	if deleted != 1 {
		t.Errorf("%d pods that a budget held back were deleted, want one", deleted)
	}
	i.w.Kubectl(t, "", "delete", "node", node)
	i.w.AwaitRemediation(t, i.policy, "to end with its node", func(r *harness.Remediation) bool { return r.Final() })
}

// R72: probes fail because of an old kernel: a person decides.
func TestR72CgroupPidProbe(t *testing.T) {
	node := pool(t, "r72")
	i := play(t, "node/cgroup-pid-probe-kernel", "", "")
	nodeStatus(t, i.w, node, `{"status":{"nodeInfo":{"kernelVersion":"3.10.0-1160.el7.x86_64"}}}`)
	pods := i.w.PodsOn(t, "r72", node)
	for n := range 3 {
		i.w.Apply(t, fmt.Sprintf(`
apiVersion: v1
kind: Event
metadata: {name: cgroup-%[1]d, namespace: r72}
involvedObject: {apiVersion: v1, kind: Pod, namespace: r72, name: %[2]s, uid: %[3]s}
type: Warning
reason: Unhealthy
message: 'Liveness probe failed: rpc error: OCI runtime exec failed: adding pid 4711 to cgroups caused: failed to write 4711 to cgroup.procs: invalid argument'
count: 1
firstTimestamp: %[4]s
lastTimestamp: %[4]s
source: {component: kubelet}
`, n, pods[0], i.uid("r72", pods[0]), ago(0)))
	}
	r := i.w.AwaitPhase(t, i.policy, "AwaitingApproval")
	if n, err := i.w.Client.CoreV1().Nodes().Get(t.Context(), node, metav1.GetOptions{}); err != nil || n.Spec.Unschedulable {
		t.Errorf("the node was cordoned before anybody approved it (%v)", err)
	}
	i.w.Kubectl(t, "", "remedy", "approve", r.Name)
	i.awaitEmpty(node, "r72")
	i.w.AwaitPhase(t, i.policy, "Holding")
	nodeStatus(t, i.w, node, `{"status":{"nodeInfo":{"kernelVersion":"5.14.0"}}}`)
	i.awaitUncordoned(node)
	i.cured()
}

func (i *incident) uid(namespace, pod string) string {
	i.Helper()
	p, err := i.w.Client.CoreV1().Pods(namespace).Get(i.Context(), pod, metav1.GetOptions{})
	harness.Must(i, err)
	return string(p.UID)
}

// R40: a Deployment whose nodes fall is stopped, after approval; one failed node is no proof.
func TestR40PoisonImage(t *testing.T) {
	pool(t, "r40")
	w, _ := withNodes.Get(t)
	w.Apply(t, `
apiVersion: apps/v1
kind: Deployment
metadata: {name: poison, namespace: r40}
spec:
  replicas: 2
  selector: {matchLabels: {app: poison}}
  template:
    metadata: {labels: {app: poison}}
    spec:
      nodeSelector: {pool: r40}
      affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: poison}}}]}}
      containers: [{name: main, image: "registry.local/main:1"}]
`)
	w.AwaitReadyPods(t, "r40", 4)
	i := play(t, "node/poison-image", "", "")
	fall := func(node string) {
		// kwok would set it back: it plays this kubelet no more.
		i.w.Kubectl(t, "", "annotate", "node", node, "kwok.x-k8s.io/node-")
		nodeStatus(t, i.w, node, fmt.Sprintf(`{"status":{"conditions":[{"type":"Ready","status":"False","reason":"KubeletNotReady","message":"panic",`+
			`"lastHeartbeatTime":%[1]q,"lastTransitionTime":%[1]q}]}}`, ago(0)))
	}
	fall("r40-1")
	time.Sleep(2 * time.Second)
	if all := i.w.Remediations(t, i.policy); len(all) != 0 {
		t.Fatalf("one node started %v", all[0].String())
	}
	fall("r40-2")
	r := i.w.AwaitPhase(t, i.policy, "AwaitingApproval")
	i.w.Kubectl(t, "", "remedy", "approve", r.Name)
	i.w.AwaitRemediation(t, i.policy, "to have scaled it", func(r *harness.Remediation) bool {
		d, err := i.w.Client.AppsV1().Deployments("r40").Get(t.Context(), "poison", metav1.GetOptions{})
		return err == nil && *d.Spec.Replicas == 0
	})
	i.cured()
	i.ns = "r40"
	i.wantOne("deployment", "poison")
}

// awaitDeleted waits until there is no such node any more.
func (i *incident) awaitDeleted(node string) {
	i.Helper()
	harness.Eventually(i, node+" to be deleted", harness.Limit, func() (bool, string) {
		_, err := i.w.Client.CoreV1().Nodes().Get(i.Context(), node, metav1.GetOptions{})
		all := i.w.Remediations(i, i.policy)
		return apierrors.IsNotFound(err), all[len(all)-1].String()
	})
}

// R33: a node is removed after its last pod, and not at all when one cannot go.
func TestR33NodeDecommission(t *testing.T) {
	node := pool(t, "r33")
	i := play(t, "node/node-decommission", "", "")
	i.w.Kubectl(t, "", "label", "node", node, "kube-remedy.io/decommission=true")
	r := i.w.AwaitPhase(t, i.policy, "AwaitingApproval")
	i.w.Kubectl(t, "", "remedy", "approve", r.Name)
	i.awaitDeleted(node)
	i.cured()
	i.w.AwaitReadyPods(t, "r33", 2)

	// The other node has all of the pods now, and nowhere to move them.
	i.w.Kubectl(t, "", "label", "node", "r33-2", "kube-remedy.io/decommission=true")
	r = i.w.AwaitRemediation(t, i.policy, "to ask about r33-2", func(r *harness.Remediation) bool {
		return r.Spec.TargetRef.Name == "r33-2" && r.Status.Phase == "AwaitingApproval"
	})
	i.w.Kubectl(t, "", "remedy", "approve", r.Name)
	i.w.AwaitRemediation(t, i.policy, "to say what holds it up", func(r *harness.Remediation) bool {
		return strings.Contains(r.Status.Message, "no other node would take it")
	})
	i.w.AwaitReadyPods(t, "r33", 2)
	i.w.Kubectl(t, "", "remedy", "cancel", r.Name)
	i.awaitUncordoned("r33-2")
	if left := i.w.PodsOn(t, "r33", "r33-2"); len(left) != 2 {
		t.Errorf("pods were evicted that no other node takes: %v are left", left)
	}
}

// R103: an old node goes when its zone has a new one, and not before.
func TestR103NodeGenerationRolling(t *testing.T) {
	node := pool(t, "r103")
	i := play(t, "node/node-generation-rolling", "", "")
	i.w.Kubectl(t, "", "label", "node", node, "r103-2", "--overwrite", "topology.kubernetes.io/zone=zone-r103", "kube-remedy.io/replace=true")
	harness.Eventually(t, "both nodes to be targets", harness.Limit, func() (bool, string) {
		p := i.w.Policy(t, i.policy)
		return p.Status.Targets.Selected == 2, harness.Text(p.Status)
	})
	if all := i.w.Remediations(t, i.policy); len(all) != 0 {
		t.Fatalf("a node is replaced by nothing: %s", all[0].String())
	}
	i.w.Kubectl(t, "", "label", "node", "r103-2", "kube-remedy.io/replace-")
	r := i.w.AwaitPhase(t, i.policy, "AwaitingApproval")
	i.w.Kubectl(t, "", "remedy", "approve", r.Name)
	i.awaitDeleted(node)
	i.cured()
	i.w.AwaitReadyPods(t, "r103", 2)
	if left := i.w.PodsOn(t, "r103", "r103-2"); len(left) != 2 {
		t.Errorf("the new node has %v", left)
	}
}
