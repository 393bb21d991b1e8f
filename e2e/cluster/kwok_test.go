package cluster_test

import (
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
	"github.com/kube-remedy/kube-remedy/e2e/cluster/clustertest"
)

func TestADaemonSetRollsOutOnSimulatedNodes(t *testing.T) {
	t.Parallel()
	c := clustertest.Start(t, cluster.Options{ControllerManager: true, Scheduler: true, Kwok: true})
	client := kubernetes.NewForConfigOrDie(c.RESTConfig())
	const nodes = 3
	for i := range nodes {
		must(t, ignored(client.CoreV1().Nodes().Create(t.Context(), fakeNode(fmt.Sprintf("node-%d", i)), metav1.CreateOptions{})))
	}
	labels := map[string]string{"app": "agent"}
	agent := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "agent"}, Spec: appsv1.DaemonSetSpec{
		Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: labels},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "agent", Image: "registry.local/agent:1"}}},
		},
	}}
	must(t, ignored(client.AppsV1().DaemonSets("default").Create(t.Context(), agent, metav1.CreateOptions{})))
	eventually(t, "the DaemonSet is available on every node", func() error {
		got, err := client.AppsV1().DaemonSets("default").Get(t.Context(), "agent", metav1.GetOptions{})
		if err == nil && got.Status.NumberAvailable != nodes {
			err = fmt.Errorf("available on %d of %d nodes", got.Status.NumberAvailable, nodes)
		}
		return err
	})
}

func fakeNode(name string) *corev1.Node {
	resources := corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse("8"),
		corev1.ResourceMemory: resource.MustParse("32Gi"),
		corev1.ResourcePods:   resource.MustParse("110"),
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{cluster.FakeNodeAnnotation: "fake"}},
		Status:     corev1.NodeStatus{Allocatable: resources, Capacity: resources},
	}
}
