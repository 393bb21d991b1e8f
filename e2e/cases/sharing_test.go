package cases

import (
	"strings"
	"testing"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
)

// about makes a policy with the gated remedy about one of several DaemonSets of a namespace.
func about(t *testing.T, w *harness.World, name, namespace, target string, patches ...string) {
	t.Helper()
	w.ApplyPolicy(t, name, namespace, append([]string{harness.Gated, `{spec: {target: {names: [` + target + `]}}}`}, patches...)...)
}

func TestABudgetHoldsForTwoPolicies(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "budget")
	w.Apply(t, `
apiVersion: kube-remedy.io/v1alpha1
kind: RemediationBudget
metadata: {name: budget}
spec:
  objects: {kinds: [{apiVersion: apps/v1, kind: DaemonSet}], namespaces: [budget]}
  maxConcurrent: 1
`)
	defer w.Kubectl(t, "", "delete", "rembudget", "budget")
	for _, name := range []string{"d", "e", "other"} {
		w.DaemonSet(t, ns, name, nil)
	}
	about(t, w, "budget-p", ns, "d")
	about(t, w, "budget-q", ns, "e")
	w.Annotate(t, ns, "d", "sick", "yes")
	holder := w.AwaitStep(t, "budget-p", "waitFor")
	w.Annotate(t, ns, "e", "sick", "yes")
	wantText(t, "the refusal", awaitWaiting(t, w, "budget-q", "BudgetExhausted"),
		"budget budget allows 1 at a time, and 1 are taken: DaemonSet budget/d (Remediation "+holder.Name+" of policy budget-p)")
	harness.Eventually(t, "the budget's status", harness.Limit, func() (bool, string) {
		line := w.Kubectl(t, "", "get", "rembudget", "budget", "--no-headers")
		fields := strings.Fields(line) // NAME MAX READY MATCHING UNHEALTHY ALLOWED HELD AGE
		return len(fields) == 8 && strings.Join(fields[1:4], " ") == "1 True 3" && fields[5] == "1" && fields[6] == "1", line
	})
	w.WantPatches(t, ns, 1)
	cure(t, w, ns, "d")
	w.AwaitStep(t, "budget-q", "waitFor")
	cure(t, w, ns, "e")
	w.AwaitPhase(t, "budget-q", "Succeeded")
}

func TestABudgetThatDoesNotCompileSaysWhere(t *testing.T) {
	w, _ := withOperator.Get(t)
	w.Apply(t, `
apiVersion: kube-remedy.io/v1alpha1
kind: RemediationBudget
metadata: {name: broken}
spec:
  objects: {kinds: [{apiVersion: apps/v1, kind: StatefulSet}], namespaces: [nowhere]}
  groups: [{key: objct.metadata.name, maxConcurrent: 1}]
`)
	defer w.Kubectl(t, "", "delete", "rembudget", "broken")
	harness.Eventually(t, "the condition Accepted", harness.Limit, func() (bool, string) {
		text := w.Kubectl(t, "", "get", "rembudget", "broken", "-o", `jsonpath={.status.conditions[?(@.type=="Accepted")].message}`)
		return strings.Contains(text, "spec.groups[0].key: 1:1: undeclared name"), text
	})
}

// Two policies want the same object at the same moment.
func TestTheHigherPriorityIsFirst(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "priority")
	w.DaemonSet(t, ns, "d", nil)
	about(t, w, "priority-a", ns, "d")
	about(t, w, "priority-b", ns, "d", `{spec: {priority: 10}}`)
	for _, policy := range []string{"priority-a", "priority-b"} {
		w.AwaitCondition(t, policy, "Ready", "True", "Ready")
	}
	w.Annotate(t, ns, "d", "sick", "yes")
	first := w.AwaitStep(t, "priority-b", "waitFor")
	wantText(t, "the refusal", awaitWaiting(t, w, "priority-a", "TargetBusy"),
		"DaemonSet priority/d is being remediated by policy priority-b (Remediation "+first.Name+")")
	w.WantPatches(t, ns, 1)
	cure(t, w, ns, "d")
	w.AwaitPhase(t, "priority-b", "Succeeded")
}

func TestForeignMaintenanceIsRespectedAndNamed(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "foreign")
	w.DaemonSet(t, ns, "d", map[string]string{"sick": "yes", "cluster.x-k8s.io/paused": "true"})
	w.ApplyPolicy(t, ns, ns, harness.Gated)
	wantText(t, "the refusal", awaitWaiting(t, w, ns, "ForeignMaintenance"),
		`metadata.annotations['cluster.x-k8s.io/paused'] = "true"`, "Cluster API")
	w.WantPatches(t, ns, 0)
	w.PatchDaemonSet(t, ns, "d", `{"metadata":{"annotations":{"cluster.x-k8s.io/paused":null}}}`, "somebody")
	w.AwaitStep(t, ns, "waitFor")
	cure(t, w, ns, "d")
	w.AwaitPhase(t, ns, "Succeeded")
}

func TestANamespaceOptsOut(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "opted-out")
	w.Kubectl(t, "", "label", "namespace", ns, "kube-remedy.io/exclude=true")
	w.DaemonSet(t, ns, "d", map[string]string{"sick": "yes"})
	w.ApplyPolicy(t, ns, ns, harness.Gated)
	wantText(t, "the refusal", awaitWaiting(t, w, ns, "Protected"), "the namespace opted-out has the label")
	w.Kubectl(t, "", "label", "namespace", ns, "kube-remedy.io/exclude-")
	w.AwaitStep(t, ns, "waitFor")
	cure(t, w, ns, "d")
	w.AwaitPhase(t, ns, "Succeeded")
}

// Each policy's cure is the other's symptom.
func TestTwoPoliciesThatUndoEachOtherAreStoppedAndNamed(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "opposed")
	w.DaemonSet(t, ns, "d", nil)
	for _, value := range []string{"1", "2"} {
		w.ApplyPolicy(t, ns+"-"+value, ns, `
spec:
  triggers:
  - name: another-value
    match:
    - name: another-value
      expression: "!object.spec.template.spec.containers[0].?env.orValue([]).exists(e, e.name == 'CURED' && e.?value.orValue('') == '`+value+`')"
  remedies:
  - name: set
    steps:
    - setEnv: {container: main, env: [{name: CURED, value: "`+value+`"}]}
    verify:
    - {name: done, expression: "true"}
  recovery: {stableFor: 0s}
  limits: {cooldown: 0s}
`)
	}
	disputed := func(policy string) (string, bool) {
		for _, waiting := range w.Policy(t, policy).Status.Waiting {
			if waiting.Reason == "Contended" {
				return waiting.Message, true
			}
		}
		return "", false
	}
	harness.Eventually(t, "one of them to see that it is a dispute", harness.Limit, func() (bool, string) {
		for one, other := range map[string]string{ns + "-1": ns + "-2", ns + "-2": ns + "-1"} {
			if message, is := disputed(one); is {
				return strings.Contains(message, "policy "+other), message
			}
		}
		return false, harness.Text(w.Policy(t, ns+"-1").Status) + harness.Text(w.Policy(t, ns+"-2").Status)
	})
	if n := len(w.Patches(t, ns)); n > 8 {
		t.Errorf("got %d patches before they stopped", n)
	}
}
