package cases

import (
	"testing"
	"time"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
)

// cure lets a gated remediation go on and takes the symptom away.
func cure(t *testing.T, w *harness.World, namespace, name string) {
	t.Helper()
	w.PatchDaemonSet(t, namespace, name, `{"metadata":{"annotations":{"go":"yes","sick":null}}}`, "somebody")
}

func TestTheSameSymptomSoonAgainWaitsForTheCooldown(t *testing.T) {
	const ns = "cooldown"
	w, _ := startGated(t, ns, `{spec: {limits: {cooldown: 6s}}}`)
	cure(t, w, ns, "d")
	first := w.AwaitPhase(t, ns, "Succeeded")
	w.PatchDaemonSet(t, ns, "d", `{"metadata":{"annotations":{"go":null,"sick":"yes"}}}`, "somebody")
	wantText(t, "the policy's message", awaitWaiting(t, w, ns, "CoolingDown"), first.Status.Ledger.CooldownUntil[:19])
	if n := len(w.Remediations(t, ns)); n != 1 {
		t.Errorf("got %d Remediations within the cooldown", n)
	}
	second := w.AwaitRemediation(t, ns, "to be the second", func(r *harness.Remediation) bool {
		return r.Name != first.Name && r.Status.Ledger != nil
	})
	until, err := time.Parse(time.RFC3339Nano, first.Status.Ledger.CooldownUntil)
	harness.Must(t, err)
	if second.CreationTimestamp.Time.Before(until.Truncate(time.Second)) {
		t.Errorf("the second began %v, the cooldown ends %v", second.CreationTimestamp, until)
	}
	// The same symptom within a day of a success counts as a failure.
	if l := second.Status.Ledger; l.N != 2 || l.Failures != 1 {
		t.Errorf("the second's ledger is %+v, want number 2 with one failure", l)
	}
}

func TestMaxConcurrentNamesTheHolder(t *testing.T) {
	const ns = "max-concurrent"
	w, holder := startGated(t, ns, `{spec: {limits: {maxConcurrent: 1}}}`)
	w.DaemonSet(t, ns, "e", map[string]string{"sick": "yes"})
	wantText(t, "the refusal", awaitWaiting(t, w, ns, "MaxConcurrent"), holder.Name)
	w.WantPatches(t, ns, 1)
	cure(t, w, ns, "d")
	w.AwaitRemediation(t, ns, "to be about the other one", func(r *harness.Remediation) bool {
		return r.Spec.TargetRef.Name == "e" && r.Status.Phase == "Running"
	})
	cure(t, w, ns, "e")
	w.AwaitPhase(t, ns, "Succeeded")
}

func TestPauseHoldsBackAndLetsGo(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "paused")
	w.DaemonSet(t, ns, "d", map[string]string{"sick": "yes"})
	w.ApplyPolicy(t, ns, ns, `{spec: {paused: true}}`)
	awaitWaiting(t, w, ns, "Paused")
	w.WantPatches(t, ns, 0)
	w.Kubectl(t, "", "patch", "rempol", ns, "--type=merge", `--patch={"spec":{"paused":false}}`)
	awaitCured(t, w, ns, "d")
	cure(t, w, ns, "d")
	w.AwaitPhase(t, ns, "Succeeded")
}

func TestPruningKeepsALiveCooldown(t *testing.T) {
	const ns = "pruning"
	// Nothing is kept for history's sake.
	w, _ := startGated(t, ns, `{spec: {limits: {cooldown: 1h}, history: {succeeded: 0, failed: 0}}}`)
	cure(t, w, ns, "d")
	first := w.AwaitPhase(t, ns, "Succeeded")
	// One that needs no memory is pruned, which shows that pruning went over both: by hand, about nothing.
	w.Apply(t, `
apiVersion: kube-remedy.io/v1alpha1
kind: Remediation
metadata: {name: by-hand-pruned}
spec:
  policyRef: {name: pruning, uid: `+string(w.Policy(t, ns).UID)+`}
  targetRef: {apiVersion: apps/v1, kind: DaemonSet, namespace: pruning, name: missing}
`)
	harness.Eventually(t, "the one by hand to be pruned", harness.Limit, func() (bool, string) {
		return !w.Exists(t, harness.Remediations, "", "by-hand-pruned"), ""
	})
	w.PatchDaemonSet(t, ns, "d", `{"metadata":{"annotations":{"go":null,"sick":"yes"}}}`, "somebody")
	awaitWaiting(t, w, ns, "CoolingDown")
	if all := w.Remediations(t, ns); len(all) != 1 || all[0].Name != first.Name {
		t.Errorf("got %d Remediations, want the one with the cooldown", len(all))
	}
}
