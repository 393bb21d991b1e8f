package cases

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-remedy/kube-remedy/e2e/faultproxy"
	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

// laneIsBad: sick while a Service that selects the DaemonSet's pods is of the lane "bad".
const laneIsBad = `
spec:
  related:
  - name: services
    apiVersion: v1
    kind: Service
    sameNamespace: true
    labels: object.spec.template.metadata.labels
    selectedBy: it.spec.?selector
  triggers:
  - name: lane
    for: 3s
    match:
    - {name: bad, expression: "related.services.exists(s, s.metadata.?labels.?lane.orValue('') == 'bad')"}
  recovery: {stableFor: 0s, healthy: [{name: exists, expression: "true"}]}
`

// The watch of Services says nothing any more, with its connection open, while the Service is repaired.
func TestF32AWatchThatIsSilentMakesNoStorm(t *testing.T) {
	w, _ := bare.Get(t)
	ns := w.Namespace(t, "silent-watch")
	lab := newCrashLab(t, w)
	w.DaemonSet(t, ns, "d", nil)
	lane(t, w, ns, "d", "good")
	w.Operator(t, operator.Options{Kubeconfig: lab.kubeconfig})
	w.ApplyPolicy(t, ns, ns, laneIsBad)
	w.AwaitCondition(t, ns, "Ready", "True", "Ready")
	relabel := func(value string) {
		t.Helper()
		patch := []byte(`{"metadata":{"labels":{"lane":"` + value + `"}}}`)
		_, err := w.Client.CoreV1().Services(ns).Patch(t.Context(), "d", types.MergePatchType, patch, metav1.PatchOptions{})
		harness.Must(t, err)
	}
	relabel("bad")
	awaitTargets(t, w, ns, func(p *harness.Policy) bool { return p.Status.Targets.Unhealthy == 1 })
	silent := lab.proxy.Add(faultproxy.Rule{
		Match: faultproxy.Match{Watches: true, Predicate: func(r *faultproxy.Request) bool {
			return strings.Contains(r.URI, "/services")
		}},
		Fault: faultproxy.Fault{FreezeStreamAfter: faultproxy.Bytes(0)},
	})
	lab.proxy.CutConnections()
	harness.Await(t, "the watch of Services to be opened again", silent.Fired())
	relabel("good")

	wantEnd(t, w.AwaitPhase(t, ns, "Cancelled"), "SymptomGone")
	wantText(t, "what it waits for", awaitWaiting(t, w, ns, "StaleView"), "found at", "that the symptom was gone",
		"what is watched has not caught up with that yet")
	why := w.Kubectl(t, "", "get", "rempol", ns, "-o", "jsonpath={.status.waiting[0].nextCheck}")
	if why == "" {
		t.Error("it is not said when it looks again")
	}
	// Ten times as long as a Remediation took.
	time.Sleep(5 * time.Second)
	if n := len(w.Remediations(t, ns)); n != 1 {
		t.Errorf("got %d Remediations while the watch was silent, want 1", n)
	}
	silent.Remove()
	lab.proxy.CutConnections()
	awaitTargets(t, w, ns, func(p *harness.Policy) bool { return p.Status.Targets.Unhealthy == 0 && len(p.Status.Waiting) == 0 })
	w.WantPatches(t, ns, 0)
	// What is sick in truth is treated as ever.
	relabel("bad")
	w.AwaitRemediation(t, ns, "another one that acts", func(r *harness.Remediation) bool { return r.Status.Phase == "Verifying" || r.Status.Phase == "Holding" })
	w.WantPatches(t, ns, 1)
	relabel("good")
	w.AwaitPhase(t, ns, "Succeeded")
}
