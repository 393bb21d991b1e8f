package cases

import (
	"testing"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
)

// TamperedStatusRejected: what a status says was intended is sent again after a crash, so nobody else may write it.
func TestTamperedStatusRejected(t *testing.T) {
	const ns = "tampered"
	w, r := startGated(t, ns)
	for _, args := range [][]string{
		{"patch", "rem", r.Name, "--subresource=status", "--type=merge", `--patch={"status":{"phase":"Succeeded"}}`},
		{"patch", "rempol", ns, "--subresource=status", "--type=merge", `--patch={"status":{"targets":{"selected":7}}}`},
	} {
		out, err := w.TryKubectl(t, "", args...)
		if err == nil {
			t.Errorf("an administrator could do this: kubectl %v", args)
		}
		wantText(t, "the refusal", out, "only the controller", "system:serviceaccount:kube-remedy:kube-remedy")
	}
	// The status of an object that is created with one is dropped by the server, as for every kind.
	w.Apply(t, `
apiVersion: kube-remedy.io/v1alpha1
kind: Remediation
metadata: {name: tampered-by-hand}
spec:
  policyRef: {name: tampered, uid: `+r.Spec.PolicyRef.UID+`}
  targetRef: {apiVersion: apps/v1, kind: DaemonSet, namespace: tampered, name: d, uid: `+r.Spec.TargetRef.UID+`}
status: {phase: Succeeded}
`)
	harness.Eventually(t, "it to leave the target to the first", harness.Limit, func() (bool, string) {
		out := w.Kubectl(t, "", "get", "rem", "tampered-by-hand", "-o", "jsonpath={.status.phase} {.status.reason}")
		return out == "Cancelled Duplicate", out
	})
	cure(t, w, ns, "d")
	harness.Eventually(t, "the real one to succeed", harness.Limit, func() (bool, string) {
		out := w.Kubectl(t, "", "get", "rem", r.Name, "-o", "jsonpath={.status.phase}")
		return out == "Succeeded", out
	})
}
