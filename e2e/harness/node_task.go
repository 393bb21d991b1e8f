package harness

import (
	"context"
	"fmt"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// The kinds that what runs on nodes is about.
var (
	NodeTasks    = schema.GroupVersionResource{Group: "kube-remedy.io", Version: "v1alpha1", Resource: "nodetasks"}
	NodeCommands = schema.GroupVersionResource{Group: "kube-remedy.io", Version: "v1alpha1", Resource: "nodecommands"}
	Leases       = schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}
)

// NodeNamespace is where Jobs and agents are.
const (
	NodeNamespace = "kube-remedy-node"
	nodeAccount   = "kube-remedy-node"
)

// NodeToken is a token of the executors' service account as a pod on that node has it: it names the node.
func (w *World) NodeToken(t testing.TB, node string) string {
	t.Helper()
	pods := w.Client.CoreV1().Pods(NodeNamespace)
	pod, err := pods.Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "executor-"},
		Spec: corev1.PodSpec{
			NodeName: node, ServiceAccountName: nodeAccount, TerminationGracePeriodSeconds: new(int64),
			Containers: []corev1.Container{{Name: "c", Image: "i"}},
		},
	}, metav1.CreateOptions{})
	Must(t, err)
	t.Cleanup(func() {
		pods.Delete(context.WithoutCancel(t.Context()), pod.Name, metav1.DeleteOptions{GracePeriodSeconds: new(int64)})
	})
	seconds := int64(3600)
	request, err := w.Client.CoreV1().ServiceAccounts(NodeNamespace).CreateToken(t.Context(), nodeAccount, &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{
			ExpirationSeconds: &seconds,
			BoundObjectRef:    &authenticationv1.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: pod.Name, UID: pod.UID},
		},
	}, metav1.CreateOptions{})
	Must(t, err)
	return request.Status.Token
}

// AsExecutor is a client of what a Job runs on that node: what NodeToken stands for, without a pod.
func (w *World) AsExecutor(node string) (dynamic.Interface, error) {
	config := rest.CopyConfig(w.RESTConfig())
	config.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:" + NodeNamespace + ":" + nodeAccount,
		Extra:    map[string][]string{"authentication.kubernetes.io/node-name": {node}},
	}
	return dynamic.NewForConfig(config)
}

// AsToken is a client of whoever has that token.
func (w *World) AsToken(t testing.TB, token string) dynamic.Interface {
	t.Helper()
	config := rest.AnonymousClientConfig(w.RESTConfig())
	config.BearerToken = token
	client, err := dynamic.NewForConfig(config)
	Must(t, err)
	return client
}

// AwaitNodeTask waits for a task of that NodeCommand on that node that nobody has reported on, or with a phase.
func (w *World) AwaitNodeTask(t testing.TB, command, node, phase string) *unstructured.Unstructured {
	t.Helper()
	var found *unstructured.Unstructured
	Eventually(t, fmt.Sprintf("a NodeTask of %s on %s", command, node), Limit, func() (bool, string) {
		list, err := w.Dynamic.Resource(NodeTasks).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			return false, err.Error()
		}
		for i := range list.Items {
			text := func(fields ...string) string {
				value, _, _ := unstructured.NestedString(list.Items[i].Object, fields...)
				return value
			}
			if text("spec", "nodeCommand") == command && text("spec", "node", "name") == node && text("status", "phase") == phase {
				found = &list.Items[i]
			}
		}
		return found != nil, Text(list.Items)
	})
	return found
}

// ReportNodeTask says what came of a task, as the executor on its node does.
func ReportNodeTask(ctx context.Context, as dynamic.Interface, task, status string) error {
	_, err := as.Resource(NodeTasks).Patch(ctx, task, types.MergePatchType, []byte(`{"status": `+status+`}`), metav1.PatchOptions{}, "status")
	return err
}
