package cases

import (
	"strings"
	"testing"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
)

func TestObserveWritesThePlanAndNothingElse(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "observe")
	w.DaemonSet(t, ns, "d", map[string]string{"sick": "yes"})
	harness.Eventually(t, "the controller of DaemonSets to be done", harness.Limit, func() (bool, string) {
		ds := w.GetDaemonSet(t, ns, "d")
		return ds.Status.ObservedGeneration == ds.Generation, ""
	})
	before := w.GetDaemonSet(t, ns, "d")
	w.ApplyPolicy(t, ns, ns, `
spec:
  mode: Observe
  remedies:
  - name: first
    steps:
    - setEnv: {container: main, env: [{name: CURED, value: "1"}]}
    - waitFor: {expression: "true"}
    - patch: {patch: {metadata: {labels: {tried: "yes"}}}}
  - name: second
    steps:
    - notify: {message: it did not help}
`)
	r := w.AwaitPhase(t, ns, "Observed")
	actions := []string{}
	for _, step := range r.Status.Plan {
		actions = append(actions, step.Action)
	}
	if got := strings.Join(actions, " "); got != "setEnv waitFor patch notify" {
		t.Fatalf("the plan is %q", got)
	}
	if p := r.Status.Plan[0]; p.Validation != "Validated" || !strings.Contains(p.Body, "CURED") || p.Object == nil || p.Object.Name != "d" {
		t.Errorf("the first step is %+v", p)
	}
	if p := r.Status.Plan[2]; p.Validation != "" || !strings.Contains(p.Message, "not validated") || !strings.Contains(p.Body, "tried") {
		t.Errorf("the second write of the same object is %+v", p)
	}
	if after := w.GetDaemonSet(t, ns, "d"); after.ResourceVersion != before.ResourceVersion {
		t.Errorf("the DaemonSet changed from %s to %s", before.ResourceVersion, after.ResourceVersion)
	}
	writes := w.Writes(t, "daemonsets", ns, "")
	if len(writes) != 1 || !writes[0].DryRun {
		t.Errorf("got %d writes, want one dry run: %s", len(writes), harness.Text(writes))
	}
}

// ObserveIsBounded: a sick target is written about once in its cooldown.
func TestObserveIsBounded(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "observe-bounded")
	w.DaemonSet(t, ns, "d", map[string]string{"sick": "yes"})
	w.ApplyPolicy(t, ns, ns, `{spec: {mode: Observe, limits: {cooldown: 1h}}}`)
	w.AwaitPhase(t, ns, "Observed")
	for range 3 { // it flaps
		w.Annotate(t, ns, "d", "sick", "")
		awaitTargets(t, w, ns, func(p *harness.Policy) bool { return p.Status.Targets.Unhealthy == 0 })
		w.Annotate(t, ns, "d", "sick", "yes")
		awaitWaiting(t, w, ns, "CoolingDown")
	}
	if n := len(w.Remediations(t, ns)); n != 1 {
		t.Errorf("got %d Remediations, want 1", n)
	}
}
