package cases

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

// Three nodes are drained at once whose pods are members of the same sets, so each drain waits for what another has
// taken: all of them end, and no set ever misses two.
func TestOpposingDrainsMakeProgress(t *testing.T) {
	const ns = "opposed"
	w := zones(t)
	w.Namespace(t, ns)
	bad := []string{"n1", "n2", "n3"}
	// The sets have a member on each bad node and nowhere else: the others take pods only once all are placed.
	for _, node := range []string{"n4", "n5", "n6"} {
		w.Kubectl(t, "", "cordon", node)
	}
	sets := map[string]int{"left": 3, "middle": 3, "right": 3}
	for set, replicas := range sets {
		w.StatefulSet(t, ns, set, int32(replicas), appsv1.ParallelPodManagement)
	}
	w.AwaitReadyPods(t, ns, 9)
	for _, node := range bad {
		if on := w.PodsOn(t, ns, node); len(on) != 3 {
			t.Fatalf("the scheduler has put %v on %s: the drains would not be opposed", on, node)
		}
	}
	for _, node := range []string{"n4", "n5", "n6"} {
		w.Kubectl(t, "", "uncordon", node)
	}
	watch := w.WatchSets(t, ns, sets)
	w.Apply(t, fmt.Sprintf(drainPolicy, ns, "10m"))
	for _, node := range bad {
		deadlock(t, w, node, true)
	}
	w.Operator(t, operator.Options{Config: nodesExempt(ns)})
	for _, node := range bad {
		harness.Eventually(t, node+" to be empty", 2*harness.Limit, func() (bool, string) {
			left := w.PodsOn(t, ns, node)
			return len(left) == 0, fmt.Sprint(left, remediationOf(t, w, ns, node))
		})
	}
	w.AwaitReadyPods(t, ns, 9)
	wantNobodyHurt(t, w, ns, watch)
}

// F5: a drain that fails is no dead end. The operator goes on, the next drain, after the cooldown, does what this one
// could not, and the node, which stayed cordoned meanwhile, is given back when it has recovered.
func TestF5AFailedDrainIsNoDeadEnd(t *testing.T) {
	const ns = "failing"
	w := zones(t)
	w.Namespace(t, ns)
	w.StatefulSet(t, ns, "db", 6, appsv1.OrderedReadyPodManagement)
	w.Budget(t, ns, "db", "maxUnavailable", 0)
	w.AwaitReadyPods(t, ns, 6)
	held := w.PodsOn(t, ns, "n1")
	op := w.Operator(t, operator.Options{})
	w.Apply(t, strings.Replace(fmt.Sprintf(drainPolicy, ns, "6s"), "maxUnhealthy: 100%", "maxUnhealthy: 100%, cooldown: 5s", 1))
	deadlock(t, w, "n1", true)
	failed := w.AwaitPhase(t, ns, "Failed")
	wantText(t, "why it failed", failed.Status.Message, "DrainTimeout", held[0], "PodDisruptionBudget "+ns+"/db never allows")
	if left := w.PodsOn(t, ns, "n1"); !slices.Equal(left, held) {
		t.Errorf("%v were on the node, now %v are", held, left)
	}
	awaitWaiting(t, w, ns, "CoolingDown")

	allow(t, w, ns, "db")
	r := w.AwaitRemediation(t, ns, "to be done by the next one", func(r *harness.Remediation) bool {
		return r.Name != failed.Name && len(w.PodsOn(t, ns, "n1")) == 0
	})
	if r.Status.Ledger == nil || r.Status.Ledger.Failures < 1 {
		t.Errorf("the failure before it is forgotten: %s", harness.Text(r.Status.Ledger))
	}
	deadlock(t, w, "n1", false)
	w.AwaitPhase(t, ns, "Succeeded")
	awaitCordon(t, w, "n1", false)
	select {
	case <-op.Done():
		t.Error("the operator has ended")
	default:
	}
}

// allow lets one pod of a budget go.
func allow(t *testing.T, w *harness.World, ns, budget string) {
	t.Helper()
	budgets := w.Client.PolicyV1().PodDisruptionBudgets(ns)
	_, err := budgets.Patch(t.Context(), budget, types.MergePatchType, []byte(`{"spec":{"maxUnavailable":1}}`), metav1.PatchOptions{})
	harness.Must(t, err)
	harness.Eventually(t, "the budget to allow one", harness.Limit, func() (bool, string) {
		var pdb *policyv1.PodDisruptionBudget
		pdb, err = budgets.Get(t.Context(), budget, metav1.GetOptions{})
		harness.Must(t, err)
		return pdb.Status.DisruptionsAllowed == 1, harness.Text(pdb.Status)
	})
}
