package harness

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/tools/cache"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
)

// Node makes a simulated node in a zone, until the end of the test.
func (w *World) Node(t testing.TB, name, zone string) {
	t.Helper()
	resources := corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse("8"),
		corev1.ResourceMemory: resource.MustParse("32Gi"),
		corev1.ResourcePods:   resource.MustParse("110"),
	}
	_, err := w.Client.CoreV1().Nodes().Create(t.Context(), &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name:        name,
			Annotations: map[string]string{cluster.FakeNodeAnnotation: "fake"},
			Labels:      map[string]string{corev1.LabelHostname: name, corev1.LabelTopologyZone: zone},
		},
		Status: corev1.NodeStatus{Allocatable: resources, Capacity: resources},
	}, metav1.CreateOptions{})
	Must(t, err)
	t.Cleanup(func() { // the test's own context has ended by then
		_ = w.Client.CoreV1().Nodes().Delete(context.WithoutCancel(t.Context()), name, metav1.DeleteOptions{})
	})
}

// AwaitSchedulable waits until the scheduler takes each of the nodes: only then does it spread pods over all of them.
func (w *World) AwaitSchedulable(t testing.TB, nodes ...string) {
	t.Helper()
	for _, name := range nodes {
		Eventually(t, name+" to take pods", Limit, func() (bool, string) {
			node, err := w.Client.CoreV1().Nodes().Get(t.Context(), name, metav1.GetOptions{})
			Must(t, err)
			ready := slices.ContainsFunc(node.Status.Conditions, func(c corev1.NodeCondition) bool {
				return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
			})
			return ready && len(node.Spec.Taints) == 0, fmt.Sprint(node.Spec.Taints, node.Status.Conditions)
		})
	}
}

// template spreads the pods of an owner over nodes, so that a bad node hits many owners.
func template(name string) corev1.PodTemplateSpec {
	labels := map[string]string{"app": name}
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: labels},
		Spec: corev1.PodSpec{
			Containers: []corev1.Container{{
				Name: "main", Image: "registry.local/main:1",
				Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m")}},
			}},
			TopologySpreadConstraints: []corev1.TopologySpreadConstraint{{
				MaxSkew: 1, TopologyKey: corev1.LabelHostname, WhenUnsatisfiable: corev1.ScheduleAnyway,
				LabelSelector: &metav1.LabelSelector{MatchLabels: labels},
			}},
		},
	}
}

// StatefulSet makes one whose pods say "app: <name>".
func (w *World) StatefulSet(t testing.TB, namespace, name string, replicas int32, policy appsv1.PodManagementPolicyType) {
	t.Helper()
	_, err := w.Client.AppsV1().StatefulSets(namespace).Create(t.Context(), &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.StatefulSetSpec{
			Replicas: &replicas, PodManagementPolicy: policy, ServiceName: name,
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}}, Template: template(name),
		},
	}, metav1.CreateOptions{})
	Must(t, err)
}

// Deployment makes one whose pods say "app: <name>".
func (w *World) Deployment(t testing.TB, namespace, name string, replicas int32) {
	t.Helper()
	_, err := w.Client.AppsV1().Deployments(namespace).Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}}, Template: template(name),
		},
	}, metav1.CreateOptions{})
	Must(t, err)
}

// Budget makes a PodDisruptionBudget over the pods of an owner: "minAvailable" or "maxUnavailable".
func (w *World) Budget(t testing.TB, namespace, of, field string, n int32) {
	t.Helper()
	value := intstr.FromInt32(n)
	pdb := &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Name: of},
		Spec:       policyv1.PodDisruptionBudgetSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": of}}},
	}
	if field == "minAvailable" {
		pdb.Spec.MinAvailable = &value
	} else {
		pdb.Spec.MaxUnavailable = &value
	}
	_, err := w.Client.PolicyV1().PodDisruptionBudgets(namespace).Create(t.Context(), pdb, metav1.CreateOptions{})
	Must(t, err)
}

// AwaitReadyPods waits until that many pods of a namespace are ready.
func (w *World) AwaitReadyPods(t testing.TB, namespace string, n int) {
	t.Helper()
	Eventually(t, fmt.Sprintf("%d ready pods in %s", n, namespace), Limit, func() (bool, string) {
		pods, err := w.Client.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{})
		Must(t, err)
		ready := 0
		for i := range pods.Items {
			if PodReady(&pods.Items[i]) {
				ready++
			}
		}
		return ready == n, fmt.Sprintf("%d are ready", ready)
	})
}

// PodReady says whether a pod is ready and stays.
func PodReady(pod *corev1.Pod) bool {
	if pod.DeletionTimestamp != nil {
		return false
	}
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// PodsOn are the names of the pods on a node that are not going.
func (w *World) PodsOn(t testing.TB, namespace, node string) []string {
	t.Helper()
	pods, err := w.Client.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{
		FieldSelector: fields.OneTermEqualSelector("spec.nodeName", node).String()})
	Must(t, err)
	var names []string
	for _, pod := range pods.Items {
		if pod.DeletionTimestamp == nil {
			names = append(names, pod.Name)
		}
	}
	slices.Sort(names)
	return names
}

// A SetWatch sees every change of the pods of a namespace, from outside, and keeps what must not happen: two members
// of a StatefulSet away at the same time.
type SetWatch struct {
	mu       sync.Mutex
	replicas map[string]int             // by set
	ready    map[string]map[string]bool // by set, names of its ready pods
	hurt     []string
}

// WatchSets begins to look, when all sets are whole.
func (w *World) WatchSets(t testing.TB, namespace string, replicas map[string]int) *SetWatch {
	t.Helper()
	s := &SetWatch{replicas: replicas, ready: map[string]map[string]bool{}}
	for set := range replicas {
		s.ready[set] = map[string]bool{}
	}
	source := cache.NewListWatchFromClient(w.Client.CoreV1().RESTClient(), "pods", namespace, fields.Everything())
	_, controller := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: source, ObjectType: &corev1.Pod{},
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc:    func(o any) { s.see(o.(*corev1.Pod), false) },
			UpdateFunc: func(_, o any) { s.see(o.(*corev1.Pod), false) },
			DeleteFunc: func(o any) {
				if pod, ok := o.(*corev1.Pod); ok {
					s.see(pod, true)
				}
			},
		},
	})
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(stop)
	go controller.Run(ctx.Done())
	Eventually(t, "the watch of all sets", Limit, func() (bool, string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for set, n := range replicas {
			if len(s.ready[set]) != n {
				return false, fmt.Sprintf("%s has %d", set, len(s.ready[set]))
			}
		}
		return controller.HasSynced(), ""
	})
	s.mu.Lock()
	s.hurt = nil
	s.mu.Unlock()
	return s
}

func (s *SetWatch) see(pod *corev1.Pod, gone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	set := pod.Labels["app"]
	members, known := s.ready[set]
	if !known {
		return
	}
	if gone || !PodReady(pod) {
		delete(members, pod.Name)
	} else {
		members[pod.Name] = true
	}
	if len(members) < s.replicas[set]-1 {
		s.hurt = append(s.hurt, fmt.Sprintf("%s had %d of %d ready when %s changed", set, len(members), s.replicas[set], pod.Name))
	}
}

// Hurt is what was seen that must not be.
func (s *SetWatch) Hurt() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.hurt)
}

// EvictionTimes are when the API server received the first eviction of each pod of a namespace that it carried out.
func (w *World) EvictionTimes(t testing.TB, namespace string) map[string]time.Time {
	t.Helper()
	out := map[string]time.Time{}
	for _, write := range w.writes(t, "/eviction", "pods", namespace, "") {
		at := write.RequestReceivedTimestamp
		if known, ok := out[write.ObjectRef.Name]; !ok || at.Before(known) {
			out[write.ObjectRef.Name] = at
		}
	}
	return out
}

// Evictions are the evictions of a namespace ("": of all) that the API server carried out for operators: UIDs by the
// pod's name.
func (w *World) Evictions(t testing.TB, namespace string) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, write := range w.writes(t, "/eviction", "pods", namespace, "") {
		if write.ObjectRef.Subresource != "eviction" || strings.Contains(string(write.ResponseObject), `"Failure"`) {
			continue
		}
		var eviction struct {
			DeleteOptions struct{ Preconditions struct{ UID string } }
		}
		Decode(t, write.RequestObject, &eviction)
		out[write.ObjectRef.Name] = append(out[write.ObjectRef.Name], eviction.DeleteOptions.Preconditions.UID)
	}
	return out
}
