package cases

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

func TestWhySaysWhatHoldsAndWhatStopsIt(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "why")
	w.DaemonSet(t, ns, "d", map[string]string{"sick": "yes"})
	w.ApplyPolicy(t, ns, ns, `{spec: {paused: true}}`)
	awaitWaiting(t, w, ns, "Paused")
	wantText(t, "why", w.Kubectl(t, "", "remedy", "why", "daemonset/d", "-n", ns),
		"DaemonSet why/d", "policy why (Enforce): the symptom is True", "trigger marked: True", "match.sick: True",
		"stopped: the policy is paused", "stopped: Paused since 20")

	var answer struct {
		Policies []struct {
			Name, Symptom string
			Waiting       struct{ Reason string }
		}
	}
	harness.Must(t, json.Unmarshal([]byte(w.Kubectl(t, "", "remedy", "why", "daemonset/d", "-n", ns, "-o", "json")), &answer))
	if len(answer.Policies) != 1 || answer.Policies[0].Symptom != "True" || answer.Policies[0].Waiting.Reason != "Paused" {
		t.Errorf("the answer is %+v", answer)
	}
	w.DaemonSet(t, ns, "well", nil)
	wantText(t, "why of a healthy one", w.Kubectl(t, "", "remedy", "why", "daemonset/well", "-n", ns), "the symptom is False", "match.sick: False")
	other := w.Namespace(t, "why-other")
	w.DaemonSet(t, other, "d", nil)
	wantText(t, "why of a stranger", w.Kubectl(t, "", "remedy", "why", "daemonset/d", "-n", other), "no policy selects it")
}

func TestPlanShowsTheWritesAndSendsNone(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "plan")
	w.DaemonSet(t, ns, "d", nil) // well
	w.ApplyPolicy(t, ns, ns, `
spec:
  remedies:
  - name: cure
    steps:
    - setEnv: {container: main, env: [{name: CURED, value: "1"}]}
  - name: tell
    mode: Approve
    steps:
    - notify: {message: it did not help}
`)
	wantText(t, "the plan", w.Kubectl(t, "", "remedy", "plan", ns, "d", "-n", ns),
		"DaemonSet plan/d under policy plan (Enforce): the symptom is False", "cure step 1 setEnv", "Validated", `"CURED"`, "tell step 1 notify")
	w.Annotate(t, ns, "d", "sick", "no") // somebody else writes; nobody is sick
	wantText(t, "the plan for all", w.Kubectl(t, "", "remedy", "plan", ns), "plan: DaemonSet plan/d: Healthy")
	writes := w.Writes(t, "daemonsets", ns, "d")
	for _, write := range writes {
		if !write.DryRun && strings.Contains(harness.Text(write), "kube-remedy") {
			t.Errorf("something was written: %s", harness.Text(write))
		}
	}
	w.WantPatches(t, ns, 0)
	// With no more than the right to look at policies, it says what is missing.
	viewer := as(t, w, "plan-viewer", "kube-remedy-viewer")
	out, err := viewer("", "remedy", "plan", ns)
	if err == nil {
		t.Errorf("it planned: %s", out)
	}
	wantText(t, "the error", out+fmt.Sprint(err), "daemonsets")
}

func TestPoliciesAreTestedWithoutACluster(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "offline")
	w.DaemonSet(t, ns, "d", map[string]string{"sick": "yes", "expect.kube-remedy.io/offline": "Act"})
	w.DaemonSet(t, ns, "well", map[string]string{"expect.kube-remedy.io/offline": "Healthy"})
	objects := filepath.Join(t.TempDir(), "objects.yaml")
	harness.Must(t, os.WriteFile(objects, []byte(w.Kubectl(t, "", "get", "ds", "-n", ns, "-o", "yaml")), 0o600))
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	harness.Must(t, os.WriteFile(policy, []byte(harness.PolicyText(t, ns, ns, `{spec: {triggers: [{name: marked, for: 5m, match: [{name: sick, expression: "object.metadata.?annotations.?sick.orValue('') == 'yes'"}]}]}}`)), 0o600))
	wantText(t, "what would be done", w.Kubectl(t, "", "remedy", "test", "-f", policy, "-f", objects),
		"offline: DaemonSet offline/d: Act, trigger marked, after 5m", "CURED", "offline: DaemonSet offline/well: Healthy")
	out, err := w.TryKubectl(t, strings.Replace(w.Kubectl(t, "", "get", "ds", "-n", ns, "-o", "yaml"), "sick: \"yes\"", "sick: \"no\"", 1), "remedy", "test", "-f", policy, "-f", "-")
	if err == nil {
		t.Errorf("an expectation that does not hold passed: %s", out)
	}
	wantText(t, "the failure", out+fmt.Sprint(err), "expected Act, found Healthy", "exit status 3")
}

// The printed role is really enough, and nothing is left when kube-remedy is uninstalled.
func TestTheLeastRoleIsEnoughAndUninstallLeavesNoFinalizer(t *testing.T) {
	w := harness.Start(t, cluster.Options{})
	const ns = "least"
	w.Namespace(t, ns)
	w.Kubectl(t, "", "delete", "clusterrole", "-l", "kube-remedy.io/aggregate-to-controller=true")
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	harness.Must(t, os.WriteFile(policy, []byte(harness.PolicyText(t, ns, ns, harness.SelfCuring)), 0o600))
	w.Apply(t, w.Kubectl(t, "", "remedy", "rbac", "-f", policy, "--name", "least"))
	w.Operator(t, operator.Options{})
	w.DaemonSet(t, ns, "d", nil)
	w.Kubectl(t, "", "apply", "-f", policy)
	w.AwaitPhase(t, ns, "Succeeded")
	w.WantPatches(t, ns, 1)

	// One that is under way, and one that holds its change for an hour.
	bridge(t, w, w.Namespace(t, "bridge"))
	w.Apply(t, harness.PolicyText(t, "gated", ns, harness.Gated))
	w.DaemonSet(t, ns, "e", map[string]string{"sick": "yes"})
	w.AwaitStep(t, "gated", "waitFor")
	out, err := w.TryKubectl(t, "", "remedy", "uninstall")
	if err == nil {
		t.Errorf("it did something without --yes: %s", out)
	}
	wantText(t, "what it would do", out+fmt.Sprint(err), "remediations.kube-remedy.io: 4 objects", "finalizers [\"kube-remedy.io/effects\"]", "say --yes", "exit status 3")
	w.Kubectl(t, "", "remedy", "uninstall", "--yes", "--timeout", "60")
	if got := w.Kubectl(t, "", "get", "crd", "-o", "name"); strings.Contains(got, "kube-remedy") {
		t.Errorf("left behind: %s", got)
	}
	if got := w.Kubectl(t, "", "get", "validatingadmissionpolicies,validatingadmissionpolicybindings", "-o", "name"); strings.Contains(got, "kube-remedy") {
		t.Errorf("left behind: %s", got)
	}
}

func TestExecPluginsSayWhoWeAre(t *testing.T) {
	w, _ := withOperator.Get(t)
	binary, err := operator.Binary("kubectl-remedy")
	harness.Must(t, err)
	w.Kubectl(t, "", "create", "serviceaccount", "exec-user", "-n", "default")
	w.Kubectl(t, "", "create", "clusterrolebinding", "exec-user", "--clusterrole=kube-remedy-viewer", "--serviceaccount=default:exec-user")
	token := strings.TrimSpace(w.Kubectl(t, "", "create", "token", "exec-user", "-n", "default"))
	dir := t.TempDir()
	script := fmt.Sprintf(`#!/bin/sh
echo run >> %s/calls
[ "$1" = "two words" ] || exit 4
printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%%s"}}' "$TOKEN"
`, dir)
	harness.Must(t, os.WriteFile(filepath.Join(dir, "plugin"), []byte(script), 0o700))
	kubeconfig := filepath.Join(dir, "kubeconfig")
	harness.Must(t, os.WriteFile(kubeconfig, []byte(fmt.Sprintf(`
apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: %q, certificate-authority: %q}}]
users:
- name: u
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: ./plugin
      args: [two words]
      env: [{name: TOKEN, value: %s}]
      interactiveMode: Never
`, w.URL(), w.CAFile(), token)), 0o600))
	out, err := exec.Command(binary, "status", "--kubeconfig", kubeconfig).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	calls, err := os.ReadFile(filepath.Join(dir, "calls"))
	harness.Must(t, err)
	if string(calls) != "run\n" {
		t.Errorf("the plugin ran %q", calls)
	}
	harness.Must(t, os.Remove(filepath.Join(dir, "plugin")))
	out, err = exec.Command(binary, "status", "--kubeconfig", kubeconfig).CombinedOutput()
	if err == nil {
		t.Errorf("without its plugin it did: %s", out)
	}
	wantText(t, "the error", string(out), "credential plugin", "No such file")
}
