package cases

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
)

// selfCuringValue is harness.SelfCuring for the value, so that another value brings the symptom back.
const selfCuringValue = `
spec:
  triggers:
  - name: not-one
    match:
    - name: not-one
      expression: "!object.spec.template.spec.containers[0].?env.orValue([]).exists(e, e.name == 'CURED' && e.?value.orValue('') == '1')"
`

const setBack = `{"spec":{"template":{"spec":{"containers":[{"name":"main","env":[{"name":"CURED","value":"0"}]}]}}}}`

func awaitCured(t *testing.T, w *harness.World, namespace, name string) {
	t.Helper()
	harness.Eventually(t, name+" to have CURED=1", harness.Limit, func() (bool, string) {
		e, _ := harness.Env(w.GetDaemonSet(t, namespace, name), "CURED")
		return e.Value == "1", e.Value
	})
}

func wantContended(t *testing.T, r harness.Remediation) {
	t.Helper()
	if r.Status.Reason != "Contended" || !strings.Contains(r.Status.Message, "helm-fight") {
		t.Errorf("got %s, want Contended by helm-fight", r.String())
	}
	if c := r.Status.Contended; c == nil || c.Count != 2 || c.Manager != "helm-fight" {
		t.Errorf("status.contended is %+v", c)
	}
}

func TestAChangeThatIsSetBackTwiceIsContended(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "contended-verifying")
	w.DaemonSet(t, ns, "d", nil)
	w.ApplyPolicy(t, ns, ns, harness.SelfCuring, selfCuringValue, `{spec: {recovery: {stableFor: 60s}}}`)
	w.AwaitPhase(t, ns, "Verifying")
	w.PatchDaemonSet(t, ns, "d", setBack, "helm-fight")
	awaitCured(t, w, ns, "d")
	w.AwaitPhase(t, ns, "Verifying")
	w.PatchDaemonSet(t, ns, "d", setBack, "helm-fight")
	wantContended(t, w.AwaitPhase(t, ns, "Failed"))
	w.WantPatches(t, ns, 2)
	if n := len(w.Remediations(t, ns)); n != 1 {
		t.Errorf("got %d Remediations, want 1", n)
	}
}

func TestACureThatIsSetBackLaterIsMadeOnceMoreDespiteTheCooldown(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "contended-later")
	w.DaemonSet(t, ns, "d", nil)
	w.ApplyPolicy(t, ns, ns, harness.SelfCuring, selfCuringValue, `{spec: {recovery: {stableFor: 0s}, limits: {cooldown: 1h}}}`)
	w.AwaitPhase(t, ns, "Succeeded")
	for n := 2; n <= 3; n++ {
		w.PatchDaemonSet(t, ns, "d", setBack, "helm-fight")
		harness.Eventually(t, "another Remediation to end", harness.Limit, func() (bool, string) {
			all := w.Remediations(t, ns)
			return len(all) == n && all[n-1].Final(), all[len(all)-1].String()
		})
	}
	wantContended(t, w.AwaitPhase(t, ns, "Failed"))
	w.WantPatches(t, ns, 2)
	// Nothing more until the policy changes, and the policy says why.
	awaitWaiting(t, w, ns, "Contended")
	w.Kubectl(t, "", "patch", "rempol", ns, "--type=merge", `--patch={"spec":{"description":"talked to the people of helm"}}`)
	// Whoever edited it is waiting for it to act: the cooldown of the failure ends with the dispute.
	harness.Eventually(t, "a fourth Remediation to cure", harness.Limit, func() (bool, string) {
		all := w.Remediations(t, ns)
		return len(all) == 4 && all[3].Status.Phase == "Succeeded", all[len(all)-1].String()
	})
	w.WantPatches(t, ns, 3)
}

// appliesAConfigMap is a patch of harness.PolicyText: what is changed is another object than the target, and no watch
// shows it.
const appliesAConfigMap = `
spec:
  remedies:
  - name: apply
    steps:
    - apply: {force: true, object: {apiVersion: v1, kind: ConfigMap, metadata: {name: applied, namespace: %[1]s}, data: {mode: "new", count: "1"}}}
    verify: [{name: done, expression: "true"}]
    cureWithin: 2m
  recovery: {stableFor: 2s}
  limits: {cooldown: 0s}
`

// Somebody sets it back while the target is sick still, and once more after the next cure.
func TestWhatWasAppliedElsewhereAndIsSetBackTwiceIsContended(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "contended-applied")
	w.DaemonSet(t, ns, "d", map[string]string{"sick": "yes"})
	w.ApplyPolicy(t, ns, ns, fmt.Sprintf(appliesAConfigMap, ns))
	setBack := func() {
		t.Helper()
		w.Kubectl(t, "", "-n", ns, "patch", "configmap", "applied", "--type=merge", "--field-manager=helm-fight", `--patch={"data":{"mode":"old"}}`)
		w.Annotate(t, ns, "d", "sick", "no")
	}
	first := w.AwaitPhase(t, ns, "Holding")
	setBack()
	r := w.AwaitPhase(t, ns, "Succeeded")
	if c := r.Status.Contended; c == nil || c.Count != 1 || c.Manager != "helm-fight" {
		t.Errorf("status.contended is %+v, want helm-fight once", c)
	}
	w.Annotate(t, ns, "d", "sick", "yes")
	w.AwaitRemediation(t, ns, "to be the second", func(r *harness.Remediation) bool { return r.Name != first.Name && r.Status.Phase == "Holding" })
	setBack()
	r = w.AwaitPhase(t, ns, "Failed")
	wantContended(t, r)
	wantText(t, "the message", r.Status.Message, "our change of ConfigMap "+ns+"/applied back for the second time")
}

// What others do to other fields of the same object is none of ours.
func TestWhatWasAppliedElsewhereMayBeSharedWithOthers(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "shared-applied")
	w.DaemonSet(t, ns, "d", map[string]string{"sick": "yes"})
	w.ApplyPolicy(t, ns, ns, fmt.Sprintf(appliesAConfigMap, ns))
	w.AwaitPhase(t, ns, "Holding")
	w.Kubectl(t, "", "-n", ns, "patch", "configmap", "applied", "--type=merge", "--field-manager=somebody", `--patch={"data":{"theirs":"1"}}`)
	w.Annotate(t, ns, "d", "sick", "no")
	r := w.AwaitPhase(t, ns, "Succeeded")
	if r.Status.Contended != nil {
		t.Errorf("got %+v, want no dispute", r.Status.Contended)
	}
}
