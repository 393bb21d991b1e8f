package cases

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
)

// startGated begins a remediation that has made its change and waits for the annotation go=yes.
func startGated(t *testing.T, namespace string, patches ...string) (*harness.World, harness.Remediation) {
	t.Helper()
	w, _ := withOperator.Get(t)
	w.Namespace(t, namespace)
	w.DaemonSet(t, namespace, "d", map[string]string{"sick": "yes"})
	w.ApplyPolicy(t, namespace, namespace, append([]string{harness.Gated}, patches...)...)
	return w, w.AwaitStep(t, namespace, "waitFor")
}

func wantEnd(t *testing.T, r harness.Remediation, reason string) {
	t.Helper()
	if r.Status.Reason != reason {
		t.Errorf("got %s, want the reason %s", r.String(), reason)
	}
}

func TestPolicyDeletedInMidRemediation(t *testing.T) {
	const ns = "policy-deleted"
	w, _ := startGated(t, ns)
	w.Kubectl(t, "", "delete", "rempol", ns)
	wantEnd(t, w.AwaitPhase(t, ns, "Cancelled"), "PolicyGone")
	if _, set := harness.Env(w.GetDaemonSet(t, ns, "d"), "CURED"); !set {
		t.Error("the change was taken back; a cancelled remediation leaves changes")
	}
	w.WantPatches(t, ns, 1)
}

func TestTargetDeletedInMidRemediation(t *testing.T) {
	const ns = "target-deleted"
	w, _ := startGated(t, ns)
	harness.Must(t, w.Client.AppsV1().DaemonSets(ns).Delete(t.Context(), "d", metav1.DeleteOptions{}))
	wantEnd(t, w.AwaitPhase(t, ns, "Cancelled"), "TargetGone")
}

func TestCancelStopsARemediation(t *testing.T) {
	const ns = "cancelled"
	w, r := startGated(t, ns)
	w.Kubectl(t, "", "patch", "rem", r.Name, "--type=merge", `--patch={"spec":{"cancel":true}}`)
	wantEnd(t, w.AwaitPhase(t, ns, "Cancelled"), "CancelRequested")
	w.WantPatches(t, ns, 1)
}

func TestRemediationDeletedInMidRunStops(t *testing.T) {
	const ns = "remediation-deleted"
	w, r := startGated(t, ns, `
spec:
  remedies:
  - name: cure
    steps:
    - setEnv: {container: main, env: [{name: CURED, value: "1"}]}
    - waitFor: {expression: "object.metadata.?annotations.?go.orValue('') == 'yes'", timeout: 1m}
    - patch: {patch: {metadata: {labels: {later: "yes"}}}}
`)
	// Paused, so that the symptom, which goes on, does not begin another.
	w.Kubectl(t, "", "patch", "rempol", ns, "--type=merge", `--patch={"spec":{"paused":true}}`)
	w.Kubectl(t, "", "delete", "rem", r.Name, "--wait=true")
	awaitWaiting(t, w, ns, "Paused")
	w.Annotate(t, ns, "d", "go", "yes")
	w.Annotate(t, ns, "d", "sick", "")
	awaitTargets(t, w, ns, func(p *harness.Policy) bool { return p.Status.Targets.Unhealthy == 0 })
	w.WantPatches(t, ns, 1)
	if n := len(w.Remediations(t, ns)); n != 0 {
		t.Errorf("%d Remediations are left", n)
	}
}

func TestRollbackTakesTheChangesBack(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "rollback")
	w.DaemonSet(t, ns, "d", map[string]string{"sick": "yes"})
	before := w.GetDaemonSet(t, ns, "d")
	w.ApplyPolicy(t, ns, ns, `
spec:
  remedies:
  - name: cure
    steps:
    - setEnv: {container: main, env: [{name: CURED, value: "1"}]}
    - waitFor: {expression: "object.metadata.?annotations.?go.orValue('') == 'yes'", timeout: 1s}
      onFailure: Rollback
`)
	r := w.AwaitPhase(t, ns, "Failed")
	wantEnd(t, r, "StepFailed")
	if r.Status.Steps[0].State != "RolledBack" || !strings.Contains(r.Status.Message, "waitFor") {
		t.Errorf("got %s with steps %s", r.String(), harness.Text(r.Status.Steps))
	}
	after := w.GetDaemonSet(t, ns, "d")
	if got, want := harness.Text(after.Spec), harness.Text(before.Spec); got != want {
		t.Errorf("the spec is\n%s\nwant\n%s", got, want)
	}
	w.WantPatches(t, ns, 2)
}

func TestTheNextRungIsTriedWhenAStepFails(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "ladder")
	w.DaemonSet(t, ns, "d", map[string]string{"sick": "yes"})
	w.ApplyPolicy(t, ns, ns, `
spec:
  remedies:
  - name: cannot-work
    steps:
    - setEnv: {container: no-such-container, env: [{name: A, value: b}]}
  - name: times-out
    attempts: 2
    steps:
    - waitFor: {expression: "object.metadata.name == 'other'", timeout: 1s}
  - name: not-meant
    matchConditions:
    - {name: never, expression: "object.metadata.name == 'other'"}
    steps:
    - patch: {patch: {metadata: {labels: {wrong: "yes"}}}}
  - name: works
    steps:
    - patch: {patch: {metadata: {annotations: {sick: "no"}}}}
    verify:
    - {name: rolled-out, expression: object.status.observedGeneration == object.metadata.generation}
`)
	r := w.AwaitPhase(t, ns, "Succeeded")
	var states []string
	for _, remedy := range r.Status.Remedies {
		states = append(states, remedy.Name+" "+remedy.State)
	}
	const want = "cannot-work Failed, times-out Failed, not-meant Skipped, works Verified"
	if got := strings.Join(states, ", "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	wantText(t, "the first rung's message", r.Status.Remedies[0].Message, "no-such-container")
	if r.Status.Remedies[1].Attempt != 2 {
		t.Errorf("the second rung was tried %d times, want 2", r.Status.Remedies[1].Attempt)
	}
	w.WantPatches(t, ns, 1)
}
