package cases

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/e2e/faultproxy"
	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

// nodesPolicy is harmless: a label on a Node that is marked.
const nodesPolicy = `
spec:
  target: {apiVersion: v1, kind: Node, namespaces: null, selector: {matchLabels: {claims: "%[1]s"}}}
  remedies:
  - name: label
    steps:
    - patch: {patch: {metadata: {labels: {treated: "yes"}}}}
    verify: [{name: done, expression: "true"}]
  recovery: {stableFor: 0s, healthy: [{name: exists, expression: "true"}]}
`

// patchNodesRole lets the operator do that; config/rbac has no such role.
const patchNodesRole = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: patch-nodes
  labels: {kube-remedy.io/aggregate-to-controller: "true"}
rules:
- apiGroups: [""]
  resources: [nodes]
  verbs: [get, patch]
`

// Whoever says in an object of its own that it is at work on a node is named, and waited for.
func TestF28NodesThatOthersClaimAreLeftToThem(t *testing.T) {
	w, _ := bare.Get(t)
	const name = "node-claims"
	ns := w.Namespace(t, "medik8s-leases")
	kured := w.Namespace(t, "kured")
	w.Apply(t, harness.NodeMaintenanceCRD)
	w.Apply(t, patchNodesRole)
	lab := newCrashLab(t, w)
	// Servers that cannot stream lists are asked for pages: that, too, has to be permitted.
	lab.proxy.Add(faultproxy.Rule{
		Match: faultproxy.Match{Predicate: func(r *faultproxy.Request) bool {
			claim := strings.Contains(r.URI, "/leases") || strings.Contains(r.URI, "/nodemaintenances") || strings.Contains(r.URI, "/daemonsets")
			return claim && r.IsStreamingList()
		}},
		Fault: faultproxy.Fault{Answer: faultproxy.NoStreamingLists()},
	})
	w.Operator(t, operator.Options{Kubeconfig: lab.kubeconfig})
	for _, c := range []struct{ tool, claim, says string }{
		{"maintenance", "{apiVersion: nodemaintenance.medik8s.io/v1beta1, kind: NodeMaintenance, metadata: {name: new-disk}, spec: {nodeName: claims-maintenance, reason: new disk}}",
			"Node claims-maintenance has NodeMaintenance new-disk: medik8s has it in maintenance (new disk)"},
		{"lease", fmt.Sprintf("{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: node-claims-lease, namespace: %s}, spec: {holderIdentity: self-node-remediation, leaseDurationSeconds: 3600, renewTime: %q}}",
			ns, time.Now().UTC().Format("2006-01-02T15:04:05.000000Z")),
			`Node claims-lease has Lease medik8s-leases/node-claims-lease, held by "self-node-remediation"`},
		{"lock", fmt.Sprintf(`{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: kured, namespace: %s, annotations: {weave.works/kured-node-lock: '{"nodeID":"claims-lock","created":"2026-01-01T00:00:00Z","TTL":0}'}},
  spec: {selector: {matchLabels: {app: kured}}, template: {metadata: {labels: {app: kured}}, spec: {containers: [{name: kured, image: kured}]}}}}`, kured),
			"DaemonSet kured/kured has metadata.annotations['weave.works/kured-node-lock'] for node claims-lock: kured is rebooting it"},
	} {
		t.Run(c.tool, func(t *testing.T) {
			node, policy := "claims-"+c.tool, name+"-"+c.tool
			w.Apply(t, c.claim)
			_, err := w.Client.CoreV1().Nodes().Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{
				Name: node, Labels: map[string]string{"claims": c.tool}, Annotations: map[string]string{"sick": "yes"},
			}}, metav1.CreateOptions{})
			harness.Must(t, err)
			defer w.Kubectl(t, "", "delete", "node", node)
			w.ApplyPolicy(t, policy, ns, fmt.Sprintf(nodesPolicy, c.tool))
			wantText(t, "the refusal", awaitWaiting(t, w, policy, "ForeignMaintenance"), c.says)
			if n := len(w.Remediations(t, policy)); n != 0 {
				t.Errorf("got %d Remediations of a node that somebody else is at work on", n)
			}
			w.Kubectl(t, c.claim, "delete", "-f", "-")
			w.AwaitRemediation(t, policy, "to have begun", func(r *harness.Remediation) bool { return r.Status.Phase != "" })
			harness.Eventually(t, "the node to be labelled", harness.Limit, func() (bool, string) {
				got := w.Kubectl(t, "", "get", "node", node, "-o", "jsonpath={.metadata.labels.treated}")
				return got == "yes", got
			})
		})
	}
}
