package cases

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
)

// What went wrong with other systems of this kind, and must not go wrong here. The number is that of the story.

// F20: a hundred changes of a target and a hundred Events about it are taken from watches: nothing is listed.
func TestF20NothingIsListedOnTheHotPath(t *testing.T) {
	w, _ := withOperator.Get(t)
	const ns, flood = "f20-no-lists", 100
	w.Namespace(t, ns)
	ds := w.DaemonSet(t, ns, "d", nil)
	w.ApplyPolicy(t, ns, ns, fmt.Sprintf(`
spec:
  mode: Observe
  related: [{name: pods, preset: OwnedPods}]
  events: [{name: told, reason: ^Flood$, within: 1h}]
  triggers:
  - name: flooded
    events: {from: told, count: %d}
    match: [{name: pods, expression: related.pods.size() == 0}]
`, flood+1))
	event := func(n int) {
		_, err := w.Client.CoreV1().Events(ns).Create(t.Context(), &corev1.Event{
			ObjectMeta:     metav1.ObjectMeta{Name: fmt.Sprintf("d.%d", n)},
			InvolvedObject: corev1.ObjectReference{APIVersion: "apps/v1", Kind: "DaemonSet", Namespace: ns, Name: "d", UID: ds.UID},
			Type:           "Warning", Reason: "Flood", Message: "again", Count: 1,
			FirstTimestamp: metav1.Now(), LastTimestamp: metav1.Now(), Source: corev1.EventSource{Component: "test"},
		}, metav1.CreateOptions{})
		harness.Must(t, err)
	}
	begin := time.Now()
	for n := range flood {
		event(n)
		w.Annotate(t, ns, "d", "n", fmt.Sprint(n))
	}
	end := time.Now()
	event(flood) // one more, and it is known that all were counted
	w.AwaitPhase(t, ns, "Observed")
	events, err := w.AuditEvents(`"verb":"list"`)
	harness.Must(t, err)
	for _, e := range events {
		if e.User.Username == harness.User && e.RequestReceivedTimestamp.After(begin) && e.RequestReceivedTimestamp.Before(end) {
			t.Errorf("listed: %s", e.RequestURI)
		}
	}
}

// F24: somebody else writes to the object all the time, even into the same list. Ours arrives, and theirs is not lost.
func TestF24NoWriteIsLostUnderConcurrency(t *testing.T) {
	w, _ := withOperator.Get(t)
	const ns = "f24-concurrency"
	w.Namespace(t, ns)
	w.DaemonSet(t, ns, "d", nil)
	w.ApplyPolicy(t, ns, ns, `{spec: {limits: {cooldown: 0s}}}`)
	ctx, stop := context.WithCancel(t.Context())
	last, failed := atomic.Int64{}, make(chan error, 1)
	go func() {
		var err error
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for n := int64(1); ctx.Err() == nil && err == nil; n++ {
			<-tick.C
			patch := fmt.Sprintf(`{"metadata":{"annotations":{"n":"%[1]d"}},"spec":{"template":{"spec":{"containers":[{"name":"main","env":[{"name":"OTHER","value":"%[1]d"}]}]}}}}`, n)
			_, err = w.Client.AppsV1().DaemonSets(ns).Patch(t.Context(), "d", types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "other"})
			last.Store(n)
		}
		failed <- err
	}()
	w.Annotate(t, ns, "d", "sick", "yes")
	awaitCured(t, w, ns, "d")
	seen := last.Load()
	harness.Eventually(t, "the other to go on", harness.Limit, func() (bool, string) { return last.Load() > seen+10, fmt.Sprint(last.Load()) })
	stop()
	harness.Must(t, <-failed)
	ds := w.GetDaemonSet(t, ns, "d")
	other, _ := harness.Env(ds, "OTHER")
	cured, _ := harness.Env(ds, "CURED")
	if want := fmt.Sprint(last.Load()); other.Value != want || ds.Annotations["n"] != want || cured.Value != "1" {
		t.Errorf("OTHER=%s, n=%s, CURED=%s; want %s, %[4]s, 1", other.Value, ds.Annotations["n"], cured.Value, want)
	}
	w.Annotate(t, ns, "d", "sick", "")
	w.AwaitPhase(t, ns, "Succeeded")
}

// F26: the labels of metrics are few words that are known beforehand, and no names of objects.
func TestF26NoObjectNamesInMetrics(t *testing.T) {
	w, op := withOperator.Get(t)
	const policy = "few-labels"
	ns := w.Namespace(t, "f26-namespace")
	w.DaemonSet(t, ns, "f26-daemonset", nil)
	w.ApplyPolicy(t, policy, ns)
	w.Annotate(t, ns, "f26-daemonset", "sick", "yes")
	awaitCured(t, w, ns, "f26-daemonset")
	w.Annotate(t, ns, "f26-daemonset", "sick", "")
	r := w.AwaitPhase(t, policy, "Succeeded")
	_, text, err := op.Get(t.Context(), "/metrics")
	harness.Must(t, err)
	if !strings.Contains(text, "kube_remedy_action_writes_total{") {
		t.Errorf("no metric tells of the write:\n%s", text)
	}
	uid := string(w.GetDaemonSet(t, ns, "f26-daemonset").UID)
	for _, value := range regexp.MustCompile(`="([^"]*)"`).FindAllStringSubmatch(text, -1) {
		for _, name := range []string{"f26-", r.Name, string(r.UID), uid} {
			if strings.Contains(value[1], name) {
				t.Errorf("a label of /metrics is %q", value[1])
			}
		}
	}
}

// removal is a patch of harness.PolicyText: the pod p is removed.
const removal = `
spec:
  remedies:
  - name: remove
    steps:
    - deletePod: {mode: %s, timeout: 5m}
      applyTo: {ref: {apiVersion: v1, kind: Pod, name: p}}
    verify: [{name: at-once, expression: "true"}]
  recovery: {stableFor: 0s, healthy: [{name: always, expression: "true"}]}
`

func makePod(t *testing.T, w *harness.World, ns string, finalizers ...string) *corev1.Pod {
	t.Helper()
	pod, err := w.Client.CoreV1().Pods(ns).Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "p", Labels: map[string]string{"app": "p"}, Finalizers: finalizers},
		Spec: corev1.PodSpec{NodeSelector: map[string]string{"kube-remedy.io/no-such": "node"},
			Containers: []corev1.Container{{Name: "main", Image: "registry.local/main:1"}}},
	}, metav1.CreateOptions{})
	harness.Must(t, err)
	return pod
}

// awaitMessage waits until the first step says something.
func awaitMessage(t *testing.T, w *harness.World, policy, text string) {
	t.Helper()
	w.AwaitRemediation(t, policy, "to say "+text, func(r *harness.Remediation) bool {
		return strings.Contains(r.Status.Message, text) && !r.Final()
	})
}

// F6: a pod that is not ready counts against its own budget, so that it may not be evicted: ever. The step says which
// budget it is and waits; it is done as soon as the budget's unhealthyPodEvictionPolicy permits it.
func TestF6ANotReadyPodAndItsOwnBudget(t *testing.T) {
	w, _ := withOperator.Get(t)
	const ns = "f6-own-budget"
	w.Namespace(t, ns)
	w.DaemonSet(t, ns, "d", nil)
	pod := makePod(t, w, ns)
	// Pending pods may always be evicted: this one runs, and is not ready.
	pod.Status.Phase = corev1.PodRunning
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionFalse}}
	_, err := w.Client.CoreV1().Pods(ns).UpdateStatus(t.Context(), pod, metav1.UpdateOptions{})
	harness.Must(t, err)
	one := intstr.FromInt32(1)
	budgets := w.Client.PolicyV1().PodDisruptionBudgets(ns)
	_, err = budgets.Create(t.Context(), &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Name: "keep-one"},
		Spec: policyv1.PodDisruptionBudgetSpec{MinAvailable: &one, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "p"}}}}, metav1.CreateOptions{})
	harness.Must(t, err)
	harness.Eventually(t, "the budget to count", harness.Limit, func() (bool, string) {
		b, err := budgets.Get(t.Context(), "keep-one", metav1.GetOptions{})
		return err == nil && b.Status.ObservedGeneration == b.Generation && b.Status.ExpectedPods == 1, fmt.Sprint(b)
	})
	w.ApplyPolicy(t, ns, ns, fmt.Sprintf(removal, "Evict"))
	w.Annotate(t, ns, "d", "sick", "yes")
	awaitMessage(t, w, ns, "keep-one")
	if _, err := w.Client.CoreV1().Pods(ns).Get(t.Context(), "p", metav1.GetOptions{}); err != nil {
		t.Errorf("the pod is gone in spite of its budget: %v", err)
	}
	_, err = budgets.Patch(t.Context(), "keep-one", types.MergePatchType, []byte(`{"spec":{"unhealthyPodEvictionPolicy":"AlwaysAllow"}}`), metav1.PatchOptions{})
	harness.Must(t, err)
	harness.Eventually(t, "the pod to be evicted", harness.Limit, func() (bool, string) {
		_, err := w.Client.CoreV1().Pods(ns).Get(t.Context(), "p", metav1.GetOptions{})
		return err != nil, "it is there"
	})
	w.Annotate(t, ns, "d", "sick", "")
	w.AwaitPhase(t, ns, "Succeeded")
}

// F7, F31: a removal is done when the pod is gone, not when the server has taken the request; and a new pod of the same
// name, as StatefulSets make it, is neither waited for nor touched.
func TestF7F31DoneWhenTheUIDIsGone(t *testing.T) {
	w, _ := withOperator.Get(t)
	for _, mode := range []string{"Evict", "Delete"} {
		t.Run(mode, func(t *testing.T) {
			ns := "f31-" + strings.ToLower(mode)
			w.Namespace(t, ns)
			w.DaemonSet(t, ns, "d", nil)
			old := makePod(t, w, ns, "kube-remedy.io/test-holds-it")
			w.ApplyPolicy(t, ns, ns, fmt.Sprintf(removal, mode))
			w.Annotate(t, ns, "d", "sick", "yes")
			awaitMessage(t, w, ns, "held by kube-remedy.io/test-holds-it")
			w.Annotate(t, ns, "d", "sick", "")
			_, err := w.Client.CoreV1().Pods(ns).Patch(t.Context(), "p", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
			harness.Must(t, err)
			young := makePod(t, w, ns)
			w.AwaitPhase(t, ns, "Succeeded")
			now, err := w.Client.CoreV1().Pods(ns).Get(t.Context(), "p", metav1.GetOptions{})
			harness.Must(t, err)
			if now.UID != young.UID || now.UID == old.UID || now.DeletionTimestamp != nil {
				t.Errorf("the new pod is %s, deleted at %v; it was made as %s", now.UID, now.DeletionTimestamp, young.UID)
			}
			removals := 0
			for _, write := range w.Writes(t, "pods", ns, "") {
				if !write.DryRun {
					removals++
				}
			}
			if removals != 1 {
				t.Errorf("%d removals were carried out, want one", removals)
			}
		})
	}
}
