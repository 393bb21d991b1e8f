package cases

import (
	"context"
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
)

// disrupted is a patch of harness.PolicyText: about a kind that the shipped roles let the operator watch, and no more.
const disrupted = `
spec:
  target: {apiVersion: policy/v1, kind: PodDisruptionBudget, names: [%s]}
  remedies:
  - name: cure
    steps: [{patch: {set: [{path: /metadata/annotations/sick, remove: true}]}}]
    verify: [{name: cured, expression: "!('sick' in object.metadata.?annotations.orValue({}))"}]
`

const permittedByName = `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: named, namespace: %[1]s}
rules: [{apiGroups: [policy], resources: [poddisruptionbudgets], resourceNames: [named], verbs: [get, patch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: named, namespace: %[1]s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: named}
subjects: [{kind: ServiceAccount, name: kube-remedy, namespace: kube-remedy}]
`

// What a policy will not be permitted it says before anybody is sick, and what the message advises is all that is missing.
func TestWhatIsNotPermittedIsSaidBeforeItIsNeeded(t *testing.T) {
	w, _ := withOperator.Get(t)
	const ns = "not-permitted"
	w.Namespace(t, ns)
	w.Apply(t, fmt.Sprintf(permittedByName, ns))
	for _, name := range []string{"named", "other"} {
		w.Apply(t, fmt.Sprintf("{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: %s, namespace: %s}, spec: {minAvailable: 1, selector: {matchLabels: {app: none}}}}", name, ns))
		w.Apply(t, harness.PolicyText(t, ns+"-"+name, ns, fmt.Sprintf(disrupted, name)))
		w.DeleteAtEnd(t, ns+"-"+name)
	}
	const other = ns + "-other"
	message := w.AwaitCondition(t, other, "Ready", "False", "PermissionDenied")
	wantText(t, "the message", message, "may not get poddisruptionbudgets.policy other in namespace "+ns,
		"patch poddisruptionbudgets.policy other in namespace "+ns, "kubectl get rempol "+other+" -o yaml | kubectl remedy rbac -f -")
	// A grant for one name is one for the policy that needs no other.
	w.AwaitCondition(t, ns+"-named", "Ready", "True", "Ready")

	role := w.Kubectl(t, w.Kubectl(t, "", "get", "rempol", other, "-o", "yaml"), "remedy", "rbac", "-f", "-", "--name", ns)
	w.Apply(t, role)
	t.Cleanup(func() {
		w.Client.RbacV1().ClusterRoles().Delete(context.WithoutCancel(t.Context()), ns, metav1.DeleteOptions{})
	})
	w.AwaitCondition(t, other, "Ready", "True", "Ready")
	w.Kubectl(t, "", "-n", ns, "annotate", "pdb", "other", "sick=yes")
	w.AwaitPhase(t, other, "Succeeded")
}
