package faults

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
	"github.com/kube-remedy/kube-remedy/e2e/faultproxy"
	"github.com/kube-remedy/kube-remedy/e2e/harness"
)

// slow is about the same patients as policy where they are labelled so; the symptom has to hold for a while.
const slow = `
apiVersion: kube-remedy.io/v1alpha1
kind: RemediationPolicy
metadata: {name: slow}
spec:
  target: {apiVersion: v1, kind: ConfigMap, selector: {matchLabels: {role: slow}}}
  triggers:
  - name: marked
    for: 4s
    match:
    - {name: sick, expression: "object.metadata.?annotations.?sick.orValue('') == 'yes'"}
  remedies:
  - name: treat
    steps:
    - patch: {patch: {data: {treated: "yes"}}}
    verify: [{name: at-once, expression: "true"}]
  limits: {maxUnhealthy: 100%}
`

// FrozenViewWritesNothing: the watches are open and say nothing. What the operator believes to be sick was healed
// behind its back: it looks before it writes.
func TestFrozenViewWritesNothing(t *testing.T) {
	w, proxy, kubeconfig := open(t, everything)
	op := w.run(kubeconfig, "operator", 60*time.Second)
	w.Apply(t, slow)
	w.DeleteAtEnd(t, "slow")
	w.AwaitCondition(t, "slow", "Ready", "True", "Ready")
	ns := w.Namespace(t, "behind-its-back")
	w.Apply(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: p, namespace: behind-its-back, labels: {role: slow}, annotations: {sick: "yes"}}}`)
	harness.Eventually(t, "the operator to have seen it", harness.Limit, func() (bool, string) {
		p := w.Policy(t, "slow")
		return p.Status.Targets.Unhealthy == 1, harness.Text(p.Status)
	})
	frozen := proxy.Add(faultproxy.Rule{Match: faultproxy.Match{Watches: true}, Fault: faultproxy.Fault{FreezeStreamAfter: faultproxy.Bytes(0)}})
	proxy.CutConnections()
	_, err := w.Client.CoreV1().ConfigMaps(ns).Patch(t.Context(), "p", types.MergePatchType, []byte(`{"metadata":{"annotations":null}}`), metav1.PatchOptions{})
	harness.Must(t, err)
	<-frozen.Fired()
	looked := func() bool {
		events, err := w.AuditEvents("/namespaces/behind-its-back/configmaps/p")
		harness.Must(t, err)
		return slices.ContainsFunc(events, func(e cluster.AuditEvent) bool { return e.User.Username == harness.User && e.Verb == "get" })
	}
	harness.Eventually(t, "the operator to look", harness.Limit, func() (bool, string) { return looked(), harness.LogOf(t, op) })
	frozen.Remove()
	proxy.CutConnections()
	harness.Eventually(t, "the operator to see that it is well", harness.Limit, func() (bool, string) {
		p := w.Policy(t, "slow")
		return p.Status.Targets.Unhealthy == 0, harness.Text(p.Status)
	})
	w.catchUp()
	if got := strings.Join(w.history.of(ns), ", "); got != "added configmaps/p, modified configmaps/p" {
		t.Errorf("the ConfigMap was %s", got)
	}
	for _, r := range w.Remediations(t, "slow") {
		if r.Status.Phase != "Cancelled" {
			t.Errorf("got %s", r.String())
		}
	}
}
