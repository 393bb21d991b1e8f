package cases

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

// as gives somebody a ClusterRole and returns how they run kubectl.
func as(t *testing.T, w *harness.World, user, role string) func(stdin string, args ...string) (string, error) {
	t.Helper()
	kubeconfig, err := w.ClientCertificateKubeconfig(user)
	harness.Must(t, err)
	w.Kubectl(t, "", "create", "clusterrolebinding", user+"-"+role, "--clusterrole="+role, "--user="+user)
	t.Cleanup(func() { _, _ = w.TryKubectl(t, "", "delete", "clusterrolebinding", user+"-"+role) })
	return func(stdin string, args ...string) (string, error) {
		return operator.Kubectl(t.Context(), kubeconfig, strings.NewReader(stdin), args...)
	}
}

func TestApprovalNeedsItsOwnRightAndNamesWhoGaveIt(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "approve")
	w.DaemonSet(t, ns, "d", map[string]string{"sick": "yes"})
	w.ApplyPolicy(t, ns, ns, `{spec: {mode: Approve}}`)
	r := w.AwaitPhase(t, ns, "AwaitingApproval")
	if r.Status.Reason != "ApprovalRequired" || len(r.Status.Plan) != 1 || !strings.Contains(r.Status.Plan[0].Body, "CURED") {
		t.Fatalf("it asks %s, with the plan %s", r.String(), harness.Text(r.Status.Plan))
	}
	w.WantPatches(t, ns, 0)

	mallory := as(t, w, "mallory", "kube-remedy-operator")
	out, err := mallory("", "remedy", "approve", r.Name)
	if err == nil {
		t.Errorf("mallory approved: %s", out)
	}
	wantText(t, "the refusal", out+fmt.Sprint(err), "mallory may not approve or deny", "remediations/approval")

	alice := as(t, w, "alice", "kube-remedy-approver")
	forged := fmt.Sprintf(`{"spec":{"approvals":[{"remedy":"cure","planHash":%q,"decision":"Approve","by":"bob"}]}}`, r.Status.Approvals[0].PlanHash)
	out, err = alice("", "patch", "rem", r.Name, "--type=merge", "--patch="+forged)
	if err == nil {
		t.Errorf("alice approved as bob: %s", out)
	}
	wantText(t, "the refusal", out+fmt.Sprint(err), "spec.approvals[].by must be alice")
	w.WantPatches(t, ns, 0)

	out, err = alice("", "remedy", "approve", r.Name)
	harness.Must(t, err)
	wantText(t, "approve", out, "cure step 1 setEnv", "CURED", "remedy cure approved by alice")
	r = w.AwaitPhase(t, ns, "Verifying")
	if a := r.Status.Approvals[0]; a.State != "Approved" || a.By != "alice" {
		t.Errorf("the record is %+v", a)
	}
	w.WantPatches(t, ns, 1)
	cure(t, w, ns, "d")
	w.AwaitPhase(t, ns, "Succeeded")
	wantText(t, "the story", w.Kubectl(t, "", "remedy", "status", r.Name), "a person is asked, plan "+r.Status.Approvals[0].PlanHash, "Approved by alice")
}

func TestChangedPlanNeedsReapproval(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "replan")
	w.DaemonSet(t, ns, "d", map[string]string{"sick": "yes", "owner": "first"})
	w.ApplyPolicy(t, ns, ns, `
spec:
  mode: Approve
  remedies:
  - name: cure
    steps:
    - patch:
        patch: {metadata: {annotations: {}}}
        set: [{path: /metadata/annotations/told, expression: object.metadata.annotations.owner}]
`)
	r := w.AwaitPhase(t, ns, "AwaitingApproval")
	first := r.Status.Approvals[0].PlanHash
	w.Annotate(t, ns, "d", "owner", "second")
	wantText(t, "approve", w.Kubectl(t, "", "remedy", "approve", r.Name), `"told":"first"`)
	r = w.AwaitRemediation(t, ns, "to ask again", func(r *harness.Remediation) bool { return r.Status.Reason == "PlanChanged" })
	if second := r.Status.Approvals[0].PlanHash; second == first {
		t.Errorf("the plan is %s still", second)
	}
	w.WantPatches(t, ns, 0)
	wantText(t, "approve", w.Kubectl(t, "", "remedy", "approve", r.Name), `"told":"second"`)
	w.AwaitPhase(t, ns, "Verifying")
	if got := w.GetDaemonSet(t, ns, "d").Annotations["told"]; got != "second" {
		t.Errorf("it was told %q", got)
	}
	cure(t, w, ns, "d")
	w.AwaitPhase(t, ns, "Succeeded")
}

func TestDeniedRemedyEndsTheLadderAndRetryStartsAnew(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "deny")
	w.DaemonSet(t, ns, "d", map[string]string{"sick": "yes"})
	w.ApplyPolicy(t, ns, ns, `{spec: {mode: Approve, limits: {cooldown: 1h}}}`)
	r := w.AwaitPhase(t, ns, "AwaitingApproval")
	wantText(t, "deny", w.Kubectl(t, "", "remedy", "deny", r.Name), "remedy cure denied by ")
	wantEnd(t, w.AwaitPhase(t, ns, "Failed"), "ApprovalDenied")
	w.WantPatches(t, ns, 0)
	awaitWaiting(t, w, ns, "CoolingDown")

	wantText(t, "retry", w.Kubectl(t, "", "remedy", "retry", "daemonset/d", "-n", ns), "may try DaemonSet deny/d again")
	harness.Eventually(t, "the next one to ask", harness.Limit, func() (bool, string) {
		all := w.Remediations(t, ns)
		return len(all) == 2 && all[1].Status.Phase == "AwaitingApproval", harness.Text(all)
	})
}

func TestRunByHand(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "by-hand")
	w.DaemonSet(t, ns, "d", nil) // not sick
	w.ApplyPolicy(t, ns, ns, `
spec:
  triggers: []
  params: [{name: cure, type: string, default: "1", maxLength: 8}]
  remedies:
  - name: cure
    steps:
    - setEnv: {container: main, env: [{name: CURED, valueExpression: params.cure}]}
`)

	out := w.Kubectl(t, "", "remedy", "run", ns, "daemonset/d", "-n", ns, "--mode", "Observe", "--wait")
	wantText(t, "a run that only looks", out, "Observed")
	w.WantPatches(t, ns, 0)

	out = w.Kubectl(t, "", "remedy", "run", ns, "d", "-n", ns, "--wait", "--timeout", "60")
	wantText(t, "the run", out, "Succeeded", "cured DaemonSet by-hand/d")
	w.WantPatches(t, ns, 1)
	all := w.Remediations(t, ns)
	last := all[len(all)-1]
	if last.Labels["kube-remedy.io/manual"] != "true" || last.Spec.RequestedBy == "" {
		t.Errorf("labels %v, requested by %q", last.Labels, last.Spec.RequestedBy)
	}

	// With another value than the policy's, for this run only; one that does not fit ends the run.
	w.Kubectl(t, "", "remedy", "run", ns, "d", "-n", ns, "--param", "cure=7x", "--wait", "--timeout", "60")
	w.WantPatches(t, ns, 2)
	if env := w.Kubectl(t, "", "get", "daemonset", "d", "-n", ns, "-o", "jsonpath={.spec.template.spec.containers[0].env[?(@.name=='CURED')].value}"); env != "7x" {
		t.Errorf("CURED is %q", env)
	}
	out, err := w.TryKubectl(t, "", "remedy", "run", ns, "d", "-n", ns, "--param", "cure=much-too-long", "--wait", "--timeout", "60")
	if err == nil {
		t.Errorf("it ran: %s", out)
	}
	wantText(t, "the end", out+fmt.Sprint(err), "cure")
	w.WantPatches(t, ns, 2)
}

// ManualRunCannotEscapeSelector: what the policy does not select is not touched, by hand neither; and nobody but the
// controller says that a Remediation was admitted.
func TestManualRunCannotEscapeSelector(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "escape")
	other := w.Namespace(t, "escape-other")
	w.DaemonSet(t, other, "d", nil)
	w.ApplyPolicy(t, ns, ns)
	out, err := w.TryKubectl(t, "", "remedy", "run", ns, "d", "-n", other, "--wait", "--timeout", "60")
	if err == nil {
		t.Errorf("it ran: %s", out)
	}
	wantText(t, "the end", out+fmt.Sprint(err), "Failed", "does not select DaemonSet escape-other/d")
	w.WantPatches(t, other, 0)

	forged := `
apiVersion: kube-remedy.io/v1alpha1
kind: Remediation
metadata: {name: escape-forged, labels: {kube-remedy.io/lineage: "0123456789abcdef"}}
spec:
  policyRef: {name: escape}
  targetRef: {apiVersion: apps/v1, kind: DaemonSet, namespace: escape-other, name: d}
`
	out, err = w.TryKubectl(t, forged, "create", "-f", "-")
	if err == nil {
		t.Errorf("it was created: %s", out)
	}
	wantText(t, "the refusal", out+fmt.Sprint(err), "only the controller", "kube-remedy.io/policy, lineage and manual")
	out, err = w.TryKubectl(t, strings.Replace(forged, `labels: {kube-remedy.io/lineage: "0123456789abcdef"}`, "", 1)+"  requestedBy: bob\n", "create", "-f", "-")
	if err == nil {
		t.Errorf("it was created: %s", out)
	}
	wantText(t, "the refusal", out+fmt.Sprint(err), "spec.requestedBy must be")
}

// What a Remediation is about does not change under the controller's hands.
func TestARunIsImmutable(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "immutable")
	w.DaemonSet(t, ns, "d", nil)
	w.ApplyPolicy(t, ns, ns, `{spec: {paused: true}}`)
	w.Apply(t, `
apiVersion: kube-remedy.io/v1alpha1
kind: Remediation
metadata: {name: immutable-run}
spec:
  policyRef: {name: immutable}
  targetRef: {apiVersion: apps/v1, kind: DaemonSet, namespace: immutable, name: d}
`)
	r := w.AwaitPhase(t, ns, "Pending")
	if r.Status.Reason != "Paused" || r.Spec.TargetRef.UID == "" || r.Spec.PolicyRef.UID == "" {
		t.Errorf("it is %s, about %+v", r.String(), r.Spec)
	}
	for _, patch := range []string{
		`{"spec":{"targetRef":{"name":"other"}}}`, `{"spec":{"targetRef":{"uid":"other"}}}`, `{"spec":{"targetRef":{"namespace":null}}}`,
		`{"spec":{"policyRef":{"uid":null}}}`, `{"spec":{"mode":"Observe"}}`, `{"spec":{"params":{"a":1}}}`, `{"spec":{"requestedBy":"x"}}`,
	} {
		out, err := w.TryKubectl(t, "", "patch", "rem", "immutable-run", "--type=merge", "--patch="+patch)
		if err == nil {
			t.Errorf("it took %s", patch)
		}
		wantText(t, "the refusal", out+fmt.Sprint(err), "immutable")
	}
	w.Kubectl(t, "", "patch", "rem", "immutable-run", "--type=merge", `--patch={"spec":{"cancel":true}}`)
	w.AwaitPhase(t, ns, "Cancelled")
}
