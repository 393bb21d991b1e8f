package cases

import (
	"fmt"
	"testing"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
)

// EvaluationErrorIsNotCured: where the expression fails nobody knows, and what is not known cures nothing.
func TestEvaluationErrorIsNotCured(t *testing.T) {
	const ns = "unknown-not-cured"
	w, _ := startGated(t, ns, `
spec:
  triggers:
  - name: marked
    match:
    - {name: sick, expression: "object.metadata.annotations.sick == 'yes'"}
`)
	// The annotation that the trigger reads goes away as a whole: no such key.
	cure(t, w, ns, "d")
	w.AwaitPhase(t, ns, "Verifying")
	awaitTargets(t, w, ns, func(p *harness.Policy) bool { return p.Status.Targets.Unhealthy == 1 })
	// Other objects of the same policy are looked at after it; it is still not cured.
	for n := range 3 {
		name := fmt.Sprintf("later-%d", n)
		w.DaemonSet(t, ns, name, map[string]string{"sick": "yes", "go": "yes"})
		awaitCured(t, w, ns, name)
		w.Annotate(t, ns, name, "sick", "no")
		awaitRemediationOf(t, w, ns, name, "Succeeded")
	}
	awaitRemediationOf(t, w, ns, "d", "Verifying")
	w.Annotate(t, ns, "d", "sick", "no")
	awaitRemediationOf(t, w, ns, "d", "Succeeded")
}

// awaitRemediationOf waits for the phase of the newest Remediation of one target.
func awaitRemediationOf(t *testing.T, w *harness.World, policy, target, phase string) harness.Remediation {
	t.Helper()
	var found harness.Remediation
	harness.Eventually(t, "the Remediation of "+target+" to be "+phase, harness.Limit, func() (bool, string) {
		for _, r := range w.Remediations(t, policy) {
			if r.Spec.TargetRef.Name == target {
				found = r
			}
		}
		return found.Status.Phase == phase, found.String()
	})
	return found
}

// HoldingBlocksNewEpisode: verified, but another trigger of the policy still holds.
func TestHoldingBlocksNewEpisode(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "holding")
	w.DaemonSet(t, ns, "d", map[string]string{"sick": "yes"})
	w.ApplyPolicy(t, ns, ns, `
spec:
  remedies:
  - name: cure
    steps:
    - setEnv: {container: main, env: [{name: CURED, value: "1"}]}
    verify:
    - {name: observed, expression: object.status.observedGeneration == object.metadata.generation}
  recovery: {stableFor: 0s}
  limits: {cooldown: 0s}
`)
	r := w.AwaitPhase(t, ns, "Holding")
	w.DaemonSet(t, ns, "other", map[string]string{"sick": "yes"})
	awaitRemediationOf(t, w, ns, "other", "Holding")
	if n := len(w.Remediations(t, ns)); n != 2 {
		t.Errorf("got %d Remediations, want one for each", n)
	}
	w.Annotate(t, ns, "d", "sick", "")
	awaitRemediationOf(t, w, ns, "d", "Succeeded")
	if got := awaitRemediationOf(t, w, ns, "d", "Succeeded"); got.Name != r.Name {
		t.Errorf("%s ended, %s was holding", got.Name, r.Name)
	}
	w.WantPatches(t, ns, 2)
}

// RecoveryDuringLaterRungStops: what was about to be tried is not when the target is well again.
func TestRecoveryDuringLaterRungStops(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "recovers-later")
	w.DaemonSet(t, ns, "d", map[string]string{"sick": "yes"})
	w.ApplyPolicy(t, ns, ns, `
spec:
  remedies:
  - name: in-vain
    steps:
    - setEnv: {container: main, env: [{name: A, value: "1"}]}
    - waitFor: {expression: "object.metadata.name == 'other'", timeout: 1s}
  - name: slow
    steps:
    - waitFor: {expression: "object.metadata.?annotations.?go.orValue('') == 'yes'", timeout: 1m}
    - setEnv: {container: main, env: [{name: CURED, value: "1"}]}
`)
	w.AwaitRemediation(t, ns, "to be at the second rung", func(r *harness.Remediation) bool { return r.Status.Remedy == "slow" })
	cure(t, w, ns, "d")
	w.AwaitPhase(t, ns, "Succeeded")
	if _, set := harness.Env(w.GetDaemonSet(t, ns, "d"), "CURED"); set {
		t.Error("the second rung's change was made all the same")
	}
	w.WantPatches(t, ns, 1)
}

// RecoveryKeepsCure: success leaves the change in place, and nothing is written afterwards.
func TestRecoveryKeepsCure(t *testing.T) {
	const ns = "keeps-cure"
	w, _ := startGated(t, ns)
	cure(t, w, ns, "d")
	w.AwaitPhase(t, ns, "Succeeded")
	awaitTargets(t, w, ns, func(p *harness.Policy) bool { return p.Status.Targets.Remediating == 0 })
	if e, set := harness.Env(w.GetDaemonSet(t, ns, "d"), "CURED"); !set || e.Value != "1" {
		t.Errorf("CURED is %+v", e)
	}
	w.WantPatches(t, ns, 1)
}

func TestASymptomThatGoesBeforeAnythingWasDoneCancels(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "gone-early")
	w.DaemonSet(t, ns, "d", map[string]string{"sick": "yes"})
	w.ApplyPolicy(t, ns, ns, `
spec:
  remedies:
  - name: wait-then-cure
    steps:
    - waitFor: {expression: "object.metadata.?annotations.?go.orValue('') == 'yes'", timeout: 1m}
    - setEnv: {container: main, env: [{name: CURED, value: "1"}]}
`)
	w.AwaitStep(t, ns, "waitFor")
	cure(t, w, ns, "d")
	wantEnd(t, w.AwaitPhase(t, ns, "Cancelled"), "SymptomGone")
	w.WantPatches(t, ns, 0)
}

func TestAPlanThatIsTooLargeIsSaid(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "too-large")
	w.DaemonSet(t, ns, "d", map[string]string{"sick": "yes"})
	// Ten patches of 32 KiB each: a text that is doubled from variable to variable.
	policy := "spec:\n  mode: Observe\n  variables:\n  - {name: x0, expression: \"'0123456789abcdef'\"}\n"
	for i := range 11 {
		policy += fmt.Sprintf("  - {name: x%d, expression: variables.x%d + variables.x%d}\n", i+1, i, i)
	}
	policy += "  remedies:\n  - name: cure\n    steps:\n"
	for i := range 10 {
		policy += fmt.Sprintf("    - patch: {set: [{path: /metadata/annotations/big-%d, expression: variables.x11}]}\n", i)
	}
	w.ApplyPolicy(t, ns, ns, policy)
	r := w.AwaitPhase(t, ns, "Failed")
	wantEnd(t, r, "PlanTooLarge")
	wantText(t, "the message", r.Status.Message, "256 KiB")
	w.WantPatches(t, ns, 0)
}
