package cases

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

// drainPolicy drains nodes with a bad condition, one rung, and is done when the condition is gone. It selects by a label
// that every node has: with all: true it would have to keep maxUnhealthy below 100%, and in a zone of two both can be bad.
const drainPolicy = `
apiVersion: kube-remedy.io/v1alpha1
kind: RemediationPolicy
metadata: {name: %[1]s}
spec:
  target: {apiVersion: v1, kind: Node, selector: {matchExpressions: [{key: topology.kubernetes.io/zone, operator: Exists}]}}
  triggers:
  - name: bad
    condition: {type: KernelDeadlock, status: ["True"]}
  remedies:
  - name: empty
    steps:
    - cordon: {}
    - drain: {timeout: %[2]s}
    cureWithin: 10m
  recovery: {stableFor: 1s, healthy: [{name: calm, expression: "!object.status.conditions.exists(c, c.type == 'KernelDeadlock' && c.status == 'True')"}]}
  limits: {maxConcurrent: 5, maxUnhealthy: 100%%}
`

// neverStarts is the annotation of pods that no kubelet starts.
const neverStarts = "test/status=none"

// stuckPod is on n1, has not started, and has two budgets that allow nothing: the server asks neither.
const stuckPod = `
apiVersion: v1
kind: Pod
metadata: {name: stuck, namespace: %[1]s, labels: {app: stuck}, annotations: {test/status: none}}
spec: {nodeName: n1, containers: [{name: main, image: "registry.local/main:1"}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: stuck-one, namespace: %[1]s}
spec: {minAvailable: 1, selector: {matchLabels: {app: stuck}}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: stuck-two, namespace: %[1]s}
spec: {minAvailable: 1, selector: {matchLabels: {app: stuck}}}
`

// zones is a cluster of six nodes in three zones.
func zones(t *testing.T) *harness.World {
	t.Helper()
	w := harness.Start(t, cluster.Options{Scheduler: true, Kwok: true, KwokArgs: []string{
		"--disregard-status-with-annotation-selector=" + neverStarts}})
	for i := range 6 {
		w.Node(t, fmt.Sprintf("n%d", i+1), fmt.Sprintf("zone-%c", 'a'+i%3))
	}
	return w
}

// deadlock gives a node the bad condition, or takes it away.
func deadlock(t *testing.T, w *harness.World, node string, bad bool) {
	t.Helper()
	status := "False"
	if bad {
		status = "True"
	}
	patch := fmt.Sprintf(`{"status":{"conditions":[{"type":"KernelDeadlock","status":%q,"reason":"Test","message":"task blocked",`+
		`"lastHeartbeatTime":"2026-01-01T00:00:00Z","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}`, status)
	_, err := w.Client.CoreV1().Nodes().Patch(t.Context(), node, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{}, "status")
	harness.Must(t, err)
}

func remediationOf(t *testing.T, w *harness.World, policy, node string) *harness.Remediation {
	t.Helper()
	var newest *harness.Remediation
	for _, r := range w.Remediations(t, policy) {
		if r.Spec.TargetRef.Name == node {
			newest = &r
		}
	}
	return newest
}

func isCordoned(t *testing.T, w *harness.World, node string) bool {
	t.Helper()
	n, err := w.Client.CoreV1().Nodes().Get(t.Context(), node, metav1.GetOptions{})
	harness.Must(t, err)
	return n.Spec.Unschedulable
}

// Two bad nodes are emptied without two members of any set away at once: the scenario of the flagship incident.
func TestTwoBadNodesAreEmptiedAndNoQuorumIsHurt(t *testing.T) {
	const ns = "shop"
	w := zones(t)
	w.Namespace(t, ns)
	w.StatefulSet(t, ns, "least", 6, appsv1.OrderedReadyPodManagement)
	w.Budget(t, ns, "least", "minAvailable", 5)
	w.StatefulSet(t, ns, "never", 3, appsv1.OrderedReadyPodManagement)
	w.Budget(t, ns, "never", "maxUnavailable", 0)
	w.StatefulSet(t, ns, "plain", 6, appsv1.OrderedReadyPodManagement)
	w.StatefulSet(t, ns, "parallel", 6, appsv1.ParallelPodManagement)
	w.Deployment(t, ns, "web", 12)
	w.Deployment(t, ns, "api", 6)
	w.AwaitReadyPods(t, ns, 39)
	watch := w.WatchSets(t, ns, map[string]int{"least": 6, "never": 3, "plain": 6, "parallel": 6})
	// One of the two has a pod that never may go.
	never, err := w.Client.CoreV1().Pods(ns).Get(t.Context(), "never-1", metav1.GetOptions{})
	harness.Must(t, err)
	first := never.Spec.NodeName
	second := "n1"
	if first == "n1" {
		second = "n2"
	}
	persons := "n6"
	if first == "n6" {
		persons = "n5"
	}
	w.Operator(t, operator.Options{Config: nodesExempt("flagship")})
	w.Kubectl(t, "", "cordon", persons)
	w.Apply(t, fmt.Sprintf(drainPolicy, "flagship", "10m"))
	w.AwaitCondition(t, "flagship", "Ready", "True", "Ready")

	stuck := func(node string) []string {
		var names []string
		for _, name := range w.PodsOn(t, ns, node) {
			if strings.HasPrefix(name, "never-") {
				names = append(names, name)
			}
		}
		return names
	}
	staying := map[string][]string{first: stuck(first), second: stuck(second)}
	deadlock(t, w, first, true)
	deadlock(t, w, second, true)
	for _, node := range []string{first, second} {
		harness.Eventually(t, "everything else to move from "+node, 2*harness.Limit, func() (bool, string) {
			left := w.PodsOn(t, ns, node)
			r := remediationOf(t, w, "flagship", node)
			return slices.Equal(left, staying[node]), fmt.Sprintf("%v, %v", left, r)
		})
	}
	w.AwaitReadyPods(t, ns, 39)
	// What holds it up is told once it is more than a moment's.
	var blocked *harness.Remediation
	harness.Eventually(t, "the blocked drain to name the budget", harness.Limit, func() (bool, string) {
		blocked = remediationOf(t, w, "flagship", first)
		return strings.Contains(blocked.Status.Message, "never-1: PodDisruptionBudget shop/never never allows"), blocked.String()
	})
	events := w.Kubectl(t, "", "get", "events", "-A", "--field-selector", "involvedObject.name="+first, "-o", "jsonpath={range .items[*]}{.reason}: {.message}{\"\\n\"}{end}")
	wantText(t, "the node's Events", events, "DrainStarted", "DrainBlocked", "PodDisruptionBudget shop/never")
	var pods []string
	for _, line := range blocked.Status.Plan {
		if line.Object != nil && line.Object.Kind == "Pod" {
			pods = append(pods, line.Object.Name+": "+line.Text)
		}
	}
	if !slices.Contains(pods, "never-1: evict") {
		t.Errorf("the plan has no line about never-1: %v", pods)
	}

	// The nodes recover: they are uncordoned, because we cordoned them; the one that a person cordoned stays so.
	deadlock(t, w, first, false)
	deadlock(t, w, second, false)
	for _, node := range []string{first, second} {
		harness.Eventually(t, node+" to be uncordoned", harness.Limit, func() (bool, string) {
			return !isCordoned(t, w, node), fmt.Sprint(remediationOf(t, w, "flagship", node))
		})
	}
	if !isCordoned(t, w, persons) {
		t.Error("a person's cordon was taken back")
	}
	wantNobodyHurt(t, w, ns, watch)
	for pod, uids := range w.Evictions(t, ns) {
		if len(uids) > 1 && !strings.HasPrefix(pod, "web-") {
			t.Errorf("a successor of %s was evicted: %v", pod, uids)
		}
		if strings.HasPrefix(pod, "never-") {
			t.Errorf("%s was evicted", pod)
		}
	}
}

// wantNobodyHurt fails when two members of a set were away at once, or a pod was evicted twice by the API server's own
// record.
func wantNobodyHurt(t *testing.T, w *harness.World, namespace string, watch *harness.SetWatch) {
	t.Helper()
	if hurt := watch.Hurt(); len(hurt) > 0 {
		t.Errorf("seen from outside: %v", hurt)
	}
	for pod, uids := range w.Evictions(t, namespace) {
		seen := map[string]bool{}
		for _, uid := range uids {
			if seen[uid] {
				t.Errorf("%s (%s) was evicted twice", pod, uid)
			}
			seen[uid] = true
		}
	}
}

// SetLockSurvivesFailoverMidEviction: the operator is killed again and again while it drains; each next one goes on
// where it finds things, evicts nobody twice and never takes a second member of a set.
func TestADrainSurvivesItsOperators(t *testing.T) {
	const ns = "killed"
	w := zones(t)
	w.Namespace(t, ns)
	w.StatefulSet(t, ns, "db", 6, appsv1.OrderedReadyPodManagement)
	w.StatefulSet(t, ns, "mq", 6, appsv1.ParallelPodManagement)
	w.Deployment(t, ns, "web", 12)
	w.AwaitReadyPods(t, ns, 24)
	watch := w.WatchSets(t, ns, map[string]int{"db": 6, "mq": 6})
	w.Apply(t, fmt.Sprintf(drainPolicy, "killed", "10m"))
	deadlock(t, w, "n1", true)
	deadlock(t, w, "n2", true)
	empty := func() bool { return len(w.PodsOn(t, ns, "n1"))+len(w.PodsOn(t, ns, "n2")) == 0 }
	for round := 0; round < 4 && !empty(); round++ {
		op := w.Launch(t, operator.Options{Config: nodesExempt("killed"), Name: fmt.Sprintf("killed-%d", round)})
		before := len(w.Evictions(t, ns))
		harness.Eventually(t, "one more eviction", harness.Limit, func() (bool, string) {
			return len(w.Evictions(t, ns)) > before || empty(), ""
		})
		w.Crash(t, op)
	}
	w.Operator(t, operator.Options{Config: nodesExempt("killed"), Name: "killed-last"})
	harness.Eventually(t, "both nodes to be empty", 2*harness.Limit, func() (bool, string) {
		return empty(), fmt.Sprint(remediationOf(t, w, "killed", "n1"), remediationOf(t, w, "killed", "n2"))
	})
	w.AwaitReadyPods(t, ns, 24)
	wantNobodyHurt(t, w, ns, watch)
}

// Whoever uncordons the node in the middle of the drain has decided: it ends, and what it held is given up.
func TestF4AnUncordonInTheMiddleEndsTheDrain(t *testing.T) {
	const ns = "overruled"
	w := zones(t)
	w.Namespace(t, ns)
	w.StatefulSet(t, ns, "never", 6, appsv1.OrderedReadyPodManagement)
	w.Budget(t, ns, "never", "maxUnavailable", 0)
	w.AwaitReadyPods(t, ns, 6)
	w.Apply(t, fmt.Sprintf(stuckPod, ns))
	w.Operator(t, operator.Options{})
	w.Apply(t, strings.Replace(fmt.Sprintf(drainPolicy, "overruled", "10m"), "drain: {", "drain: {unmanaged: Evict, ", 1))
	deadlock(t, w, "n1", true)
	w.AwaitRemediation(t, "overruled", "to be held up", func(r *harness.Remediation) bool {
		return strings.Contains(r.Status.Message, "never allows")
	})
	if evicted := w.Evictions(t, ns); len(evicted["stuck"]) != 1 {
		t.Errorf("the pod that never started was not evicted: %v", evicted)
	}
	w.Kubectl(t, "", "uncordon", "n1")
	r := w.AwaitPhase(t, "overruled", "Cancelled")
	wantText(t, "why it ended", r.Status.Reason+" "+r.Status.Message, "Uncordoned", "n1")
	if isCordoned(t, w, "n1") {
		t.Error("it was cordoned again")
	}
}

// TestADrainedNodeIsDeleted, after its last pod, and the remediation ends with it.
func TestADrainedNodeIsDeleted(t *testing.T) {
	const ns = "retired"
	w := zones(t)
	w.Namespace(t, ns)
	w.Deployment(t, ns, "web", 6)
	w.AwaitReadyPods(t, ns, 6)
	w.Operator(t, operator.Options{})
	w.Apply(t, strings.Replace(fmt.Sprintf(drainPolicy, ns, "10m"), "    cureWithin", "    - deleteNode: {}\n    cureWithin", 1))
	deadlock(t, w, "n1", true)
	r := w.AwaitPhase(t, ns, "Succeeded")
	wantText(t, "why it ended", r.Status.Message, "n1 was removed")
	if _, err := w.Client.CoreV1().Nodes().Get(t.Context(), "n1", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the node is still there (%v)", err)
	}
	w.AwaitReadyPods(t, ns, 6)
}

// nodesExempt is the quick configuration in which these policies may take more than one node at once.
func nodesExempt(policies ...string) string {
	return strings.Replace(operator.Quick, "breakerCalm: 2s",
		"breakerCalm: 2s, exemptFromNodeBudget: ["+strings.Join(policies, ", ")+"]", 1)
}
