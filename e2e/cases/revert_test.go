package cases

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

const effects = "kube-remedy.io/effects"

const bridgedWorld = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: revert}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: "registry.local/main:1"}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: limits, namespace: revert}
data: {rate: "1", burst: "5", old: "yes"}
`

// What bridged an emergency goes 5 s after the cure: a change of each kind, and one field that somebody else took over.
func TestChangesAreTakenBackAfterTheCure(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "revert")
	w.Apply(t, bridgedWorld)
	w.DaemonSet(t, ns, "d", map[string]string{"sick": "yes"})
	before := w.GetDaemonSet(t, ns, "d")
	w.ApplyPolicy(t, ns, ns, `
spec:
  remedies:
  - name: relieve
    steps:
    - scale: {replicasExpression: it.spec.replicas * 2}
      applyTo: {ref: {apiVersion: apps/v1, kind: Deployment, name: web}}
    - patch: {patch: {data: {rate: "9", burst: "20"}}}
      applyTo: {ref: {apiVersion: v1, kind: ConfigMap, name: limits}}
    - patch: {type: JSON, operations: [{op: move, from: /data/old, path: /data/new}]}
      applyTo: {ref: {apiVersion: v1, kind: ConfigMap, name: limits}}
    - apply: {object: {apiVersion: v1, kind: ConfigMap, metadata: {name: made}, data: {a: b}}}
    - setEnv: {container: main, env: [{name: CURED, value: "1"}]}
  recovery: {revert: {after: 5s, when: "object.metadata.?annotations.?calm.orValue('') == 'yes'"}}
`)
	w.AwaitPhase(t, ns, "Verifying")
	w.Annotate(t, ns, "d", "sick", "")
	r := w.AwaitPhase(t, ns, "Holding")
	if len(r.Finalizers) != 1 || r.Finalizers[0] != effects {
		t.Errorf("while changes are outstanding the finalizers are %v", r.Finalizers)
	}
	wantText(t, "the status", w.Kubectl(t, "", "remedy", "status", r.Name), "cured; changes are taken back ")
	wantText(t, "why", w.Kubectl(t, "", "remedy", "why", "daemonset/d", "-n", ns), "cured; changes are taken back ")
	w.Kubectl(t, "", "patch", "configmap", "limits", "-n", ns, "--type=merge", `--patch={"data":{"rate":"12"}}`)
	w.AwaitRemediation(t, ns, "to wait for when", func(r *harness.Remediation) bool {
		return strings.Contains(r.Status.Message, "changes are taken back once object.metadata")
	})
	if n := len(w.Writes(t, "deployments", ns, "web")); n != 1 {
		t.Errorf("the Deployment was written %d times before its time", n)
	}
	w.Annotate(t, ns, "d", "calm", "yes")

	r = w.AwaitPhase(t, ns, "Succeeded")
	wantText(t, "the end", r.Status.Message, "taken back: step 1 of relieve (scale) on Deployment revert/web",
		"left: step 2 of relieve (patch) on ConfigMap revert/limits", "data.rate (set by kubectl-patch)")
	w.AwaitRemediation(t, ns, "to have no finalizer", func(r *harness.Remediation) bool { return len(r.Finalizers) == 0 })
	web, err := w.Client.AppsV1().Deployments(ns).Get(t.Context(), "web", metav1.GetOptions{})
	harness.Must(t, err)
	if *web.Spec.Replicas != 2 {
		t.Errorf("the Deployment has %d replicas, want 2 again", *web.Spec.Replicas)
	}
	limits, err := w.Client.CoreV1().ConfigMaps(ns).Get(t.Context(), "limits", metav1.GetOptions{})
	harness.Must(t, err)
	if got, want := harness.Text(limits.Data), `{"burst":"5","old":"yes","rate":"12"}`; got != want {
		t.Errorf("the ConfigMap holds %s, want %s", got, want)
	}
	if out, err := w.TryKubectl(t, "", "get", "configmap", "made", "-n", ns); err == nil {
		t.Errorf("what was made is still there: %s", out)
	}
	if got, want := harness.Text(w.GetDaemonSet(t, ns, "d").Spec), harness.Text(before.Spec); got != want {
		t.Errorf("the DaemonSet is\n%s\nwant\n%s", got, want)
	}
}

// bridge starts a remediation that holds its change for an hour.
func bridge(t *testing.T, w *harness.World, ns string) harness.Remediation {
	t.Helper()
	w.DaemonSet(t, ns, "bridged", map[string]string{"sick": "yes"})
	w.Apply(t, harness.PolicyText(t, "bridged", ns, `{spec: {target: {names: [bridged]}, recovery: {revert: {after: 1h}}}}`))
	w.AwaitPhase(t, "bridged", "Verifying")
	w.Annotate(t, ns, "bridged", "sick", "")
	return w.AwaitPhase(t, "bridged", "Holding")
}

func TestDeletingARemediationThatHoldsItsChangeCancelsIt(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "held")
	w.DeleteAtEnd(t, "bridged")
	r := bridge(t, w, ns)
	w.Kubectl(t, "", "delete", "rem", r.Name, "--wait=true", "--timeout=20s")
	if v, _ := harness.Env(w.GetDaemonSet(t, ns, "bridged"), "CURED"); v.Value != "1" {
		t.Errorf("the change did not stay: CURED is %q", v.Value)
	}
}

// The controller is gone, so nobody takes the finalizer off.
func TestUninstallAbandonsWhatNobodyReleases(t *testing.T) {
	w := harness.Start(t, cluster.Options{})
	ns := w.Namespace(t, "abandoned")
	op := w.Operator(t, operator.Options{})
	r := bridge(t, w, ns)
	op.Kill()
	out, err := w.TryKubectl(t, "", "remedy", "uninstall", "--yes", "--timeout", "1")
	if err == nil {
		t.Errorf("it left %s behind: %s", r.Name, out)
	}
	wantText(t, "what is outstanding", err.Error()+out, r.Name, effects, "--abandon")
	wantText(t, "what is abandoned", w.Kubectl(t, "", "remedy", "uninstall", "--yes", "--abandon", "--timeout", "1"),
		r.Name+": effects on DaemonSet bridged are abandoned: step 1 of cure (setEnv)")
	if got := w.Kubectl(t, "", "get", "crd", "-o", "name"); strings.Contains(got, "kube-remedy") {
		t.Errorf("left behind: %s", got)
	}
	if v, _ := harness.Env(w.GetDaemonSet(t, ns, "bridged"), "CURED"); v.Value != "1" {
		t.Errorf("the change did not stay: CURED is %q", v.Value)
	}
}
