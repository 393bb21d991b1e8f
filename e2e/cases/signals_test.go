package cases

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
)

func TestANumberThatGrowsIsHealedAndQuietProvesIt(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "increase")
	w.DaemonSet(t, ns, "d", map[string]string{"restarts": "2"})
	w.ApplyPolicy(t, ns, ns, `
spec:
  triggers:
  - name: restarts
    increase: {expression: "int(object.metadata.annotations.restarts)", by: 3, within: 10m}
  recovery:
    healthy: [{name: cured, expression: "object.spec.template.spec.containers[0].env.exists(e, e.name == 'CURED')"}]
`)
	w.AwaitCondition(t, ns, "Ready", "True", "Ready")
	w.Annotate(t, ns, "d", "restarts", "4")
	// Another one grows enough: whatever is seen of it comes after the two more of the first.
	w.DaemonSet(t, ns, "e", map[string]string{"restarts": "7"})
	awaitTargets(t, w, ns, func(p *harness.Policy) bool { return p.Status.Targets.Selected == 2 })
	w.Annotate(t, ns, "e", "restarts", "10")
	r := awaitRemediationOf(t, w, ns, "e", "Succeeded")
	wantText(t, "the evidence", r.Status.Evidence[0].Message, "grew from 7 to 10 within 10m (3 is too much)")
	if n := len(w.Remediations(t, ns)); n != 1 {
		t.Errorf("got %d Remediations, one grew enough", n)
	}
	w.Annotate(t, ns, "d", "restarts", "5")
	awaitRemediationOf(t, w, ns, "d", "Succeeded")
	w.WantPatches(t, ns, 2)
}

func TestAnEmptyPlaceIsATargetUntilAnObjectComes(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "absent")
	w.DaemonSet(t, ns, "there", nil)
	w.ApplyPolicy(t, ns, ns, `
spec:
  target: {apiVersion: apps/v1, kind: DaemonSet, namespaces: [absent], names: [there, wanted]}
  triggers:
  - {name: gone, absent: {}}
  remedies:
  - name: tell
    steps:
    - notify: {messageExpression: "'object is null: ' + string(object == null) + ', uid ' + target.uid + '.'"}
    matchConditions: [{name: always, expression: "object == null"}]
`)
	r := w.AwaitPhase(t, ns, "Reported")
	if ref := r.Spec.TargetRef; ref.Name != "wanted" || ref.Namespace != ns || ref.UID != "" {
		t.Errorf("the Remediation is about %+v", ref)
	}
	wantText(t, "the evidence", r.Status.Evidence[0].Message, "there is no DaemonSet absent/wanted")
	wantText(t, "the report", r.Status.Message, "object is null: true, uid .")
	w.DaemonSet(t, ns, "wanted", nil)
	awaitTargets(t, w, ns, func(p *harness.Policy) bool {
		return p.Status.Targets.Unhealthy == 0 && p.Status.Targets.Selected == 2
	})
	// The other one goes: its place is sick, and the object's memory is not in the way.
	harness.Must(t, w.Client.AppsV1().DaemonSets(ns).Delete(t.Context(), "there", metav1.DeleteOptions{}))
	r = awaitRemediationOf(t, w, ns, "there", "Reported")
	wantText(t, "the evidence", r.Status.Evidence[0].Message, "there is no DaemonSet absent/there")
}

func TestOnePolicyForSeveralKinds(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "kinds")
	w.DaemonSet(t, ns, "web", map[string]string{"sick": "yes"})
	w.Kubectl(t, "", "-n", ns, "create", "deployment", "web", "--image=main")
	w.Kubectl(t, "", "-n", ns, "annotate", "deployment", "web", "sick=yes")
	w.ApplyPolicy(t, ns, ns, `
spec:
  target:
    apiVersion: null
    kind: null
    kinds: [{apiVersion: apps/v1, kind: DaemonSet}, {apiVersion: apps/v1, kind: Deployment}]
  remedies:
  - name: tell
    steps: [{notify: {messageExpression: "'a ' + target.kind"}}]
`)
	told := map[string]string{}
	harness.Eventually(t, "both kinds to be reported", harness.Limit, func() (bool, string) {
		for _, r := range w.Remediations(t, ns) {
			if r.Status.Phase == "Reported" {
				told[r.Spec.TargetRef.Kind] = r.Status.Message
			}
		}
		return len(told) == 2, harness.Text(told)
	})
	wantText(t, "what is told of the DaemonSet", told["DaemonSet"], "a DaemonSet")
	wantText(t, "what is told of the Deployment", told["Deployment"], "a Deployment")
	if p := w.Policy(t, ns); p.Status.Targets.Selected != 2 {
		t.Errorf("selected: %d", p.Status.Targets.Selected)
	}
}

func TestATimeOfAScheduleActsOnce(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "schedule")
	w.DaemonSet(t, ns, "d", nil)
	w.ApplyPolicy(t, ns, ns, `
spec:
  triggers:
  - {name: every-minute, schedule: {cron: "* * * * *", startingDeadline: 1m}}
  remedies:
  - name: tell
    steps: [{notify: {message: it is time}}]
  limits: {cooldown: 0s}
`)
	made := time.Now()
	var r harness.Remediation
	harness.Eventually(t, "the next minute to be dealt with", 75*time.Second, func() (bool, string) {
		for _, one := range w.Remediations(t, ns) {
			r = one
		}
		return r.Status.Phase == "Reported", r.String()
	})
	due := r.CreationTimestamp.Time.Truncate(time.Minute)
	if !due.After(made.Add(-time.Second)) || r.CreationTimestamp.Time.Sub(due) > 3*time.Second {
		t.Errorf("made %v, the policy %v", r.CreationTimestamp, made)
	}
	wantText(t, "the evidence", r.Status.Evidence[0].Message, "* * * * * (UTC) was due at "+due.UTC().Format(time.RFC3339))
}

func TestAChangeIsSeenAndItsBaselineIsTheControllersAlone(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "changed")
	w.DaemonSet(t, ns, "d", map[string]string{"size": "small"})
	w.ApplyPolicy(t, ns, ns, `
spec:
  triggers:
  - name: resized
    changed: {expression: object.metadata.annotations.size}
  recovery:
    healthy: [{name: there, expression: object.metadata.generation > 0}]
`)
	name := awaitBaseline(t, w, ns, `"small"`)
	if out, err := w.TryKubectl(t, "", "patch", "targetbaseline", name, "--type=merge", "-p",
		`{"status":{"values":[]}}`); err == nil {
		t.Errorf("an administrator changed a TargetBaseline: %s", out)
	} else {
		wantText(t, "the refusal", err.Error()+out, "only the controller", "writes targetbaselines")
	}
	w.Annotate(t, ns, "d", "size", "large")
	r := w.AwaitPhase(t, ns, "Succeeded")
	wantText(t, "the evidence", r.Status.Evidence[0].Message, `was "small", is "large"`)
	awaitBaseline(t, w, ns, `"large"`)
	w.WantPatches(t, ns, 1)
	w.Kubectl(t, "", "delete", "remediationpolicy", ns)
	harness.Eventually(t, "the baseline to go with its policy", harness.Limit, func() (bool, string) {
		return !w.Exists(t, harness.Baselines, "", name), name
	})
}

// awaitBaseline waits until the only baseline of the policy has that value, and returns its name.
func awaitBaseline(t *testing.T, w *harness.World, policy, value string) string {
	t.Helper()
	name := ""
	harness.Eventually(t, "the baseline to be "+value, harness.Limit, func() (bool, string) {
		list, err := w.Dynamic.Resource(harness.Baselines).List(t.Context(), metav1.ListOptions{})
		harness.Must(t, err)
		for _, item := range list.Items {
			ref, _, _ := unstructured.NestedString(item.Object, "spec", "policyRef", "name")
			values, _, _ := unstructured.NestedSlice(item.Object, "status", "values")
			if ref == policy && len(values) == 1 && values[0].(map[string]any)["value"] == value {
				name = item.GetName()
				return true, ""
			}
		}
		return false, harness.Text(list.Items)
	})
	return name
}
