package cases

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/scenario"
)

// joinsPolicy is sick where a Service of the lane that params name selects the DaemonSet's pods (a selector join) and,
// when hop is asked for, one of the nodes under its pods (a preset, and a second hop from it) is marked.
const joinsPolicy = `
spec:
  params:
  - {name: lane, type: string, default: none, maxLength: 8}
  - {name: hop, type: boolean, default: false}
  paramRef: {namespace: %[1]s, name: values}
  related:
  - {name: pods, preset: OwnedPods}
  - {name: nodes, preset: NodeOfPod, of: pods}
  - name: services
    apiVersion: v1
    kind: Service
    sameNamespace: true
    labels: object.spec.template.metadata.labels
    selectedBy: it.spec.?selector
  variables:
  - name: marked
    expression: related.nodes.exists(n, n.metadata.?labels[?'joins-test'].orValue('') == target.namespace)
  triggers:
  - name: sick
    match:
    - {name: lane, expression: "related.services.exists(s, s.metadata.?labels.?lane.orValue('') == params.lane)"}
    - {name: hop, expression: "!params.hop || variables.marked"}
`

func setParams(t *testing.T, w *harness.World, ns string, data map[string]string) {
	t.Helper()
	client := w.Client.CoreV1().ConfigMaps(ns)
	values := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "values"}, Data: data}
	if _, err := client.Update(t.Context(), values, metav1.UpdateOptions{}); err != nil {
		_, err = client.Create(t.Context(), values, metav1.CreateOptions{})
		harness.Must(t, err)
	}
}

// lane makes a Service that selects the pods of the DaemonSet of the same name.
func lane(t *testing.T, w *harness.World, ns, name, lane string) {
	t.Helper()
	_, err := w.Client.CoreV1().Services(ns).Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"lane": lane}},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": name}, Ports: []corev1.ServicePort{{Port: 80}}},
	}, metav1.CreateOptions{})
	harness.Must(t, err)
}

func wantWell(t *testing.T, w *harness.World, ns, name string) {
	t.Helper()
	if e, found := harness.Env(w.GetDaemonSet(t, ns, name), "CURED"); found {
		t.Errorf("%s has CURED=%s", name, e.Value)
	}
}

// Each change two objects away makes exactly its own target sick: a value in a ConfigMap, a Service that comes to select
// the target's pods, a label of a node under one of them.
func TestJoinsParametersAndSecondHopsOnARealServer(t *testing.T) {
	w, _ := withNodes.Get(t)
	ns := w.Namespace(t, "joins")
	setParams(t, w, ns, map[string]string{"lane": "slow"})
	for _, name := range []string{"by-param", "by-service", "by-node"} {
		w.DaemonSet(t, ns, name, nil)
	}
	lane(t, w, ns, "by-param", "fast")
	w.ApplyPolicy(t, ns, ns, fmt.Sprintf(joinsPolicy, ns))
	w.AwaitCondition(t, ns, "Ready", "True", "Ready")
	wantWell(t, w, ns, "by-param")

	// A value that does not fit stops the policy and says where; the old one is not used.
	setParams(t, w, ns, map[string]string{"lane": "much-too-long"})
	wantText(t, "the message", w.AwaitCondition(t, ns, "Ready", "False", "InvalidParams"),
		"spec.paramRef: ConfigMap "+ns+"/values: data.lane: has 13 characters, expected at most 8")
	w.AwaitCondition(t, ns, "Accepted", "True", "Accepted")

	setParams(t, w, ns, map[string]string{"lane": "fast"})
	awaitCured(t, w, ns, "by-param")
	wantWell(t, w, ns, "by-service")

	lane(t, w, ns, "by-service", "fast")
	awaitCured(t, w, ns, "by-service")

	setParams(t, w, ns, map[string]string{"lane": "hops", "hop": "true"})
	lane(t, w, ns, "by-node", "hops")
	w.PatchDaemonSet(t, ns, "by-node", `{"spec":{"template":{"spec":{"nodeSelector":null}}}}`, "test")
	harness.Must(t, scenario.Available(t.Context(), w.Client, ns, "by-node", int32(withNodes.Nodes)))
	w.AwaitCondition(t, ns, "Ready", "True", "Ready")
	wantWell(t, w, ns, "by-node")
	nodes, err := w.Client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	harness.Must(t, err)
	mark := fmt.Sprintf(`{"metadata":{"labels":{"joins-test":%q}}}`, ns)
	_, err = w.Client.CoreV1().Nodes().Patch(t.Context(), nodes.Items[0].Name, types.MergePatchType, []byte(mark), metav1.PatchOptions{})
	harness.Must(t, err)
	awaitCured(t, w, ns, "by-node")
	w.WantPatches(t, ns, 3)
}
