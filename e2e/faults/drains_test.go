package faults

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
)

// Nodes that are emptied while things go wrong: no pod is evicted twice, no set misses two members, and each node is
// given back.

const drainPolicy = `
apiVersion: kube-remedy.io/v1alpha1
kind: RemediationPolicy
metadata: {name: empty}
spec:
  target: {apiVersion: v1, kind: Node, selector: {matchLabels: {role: patient}}}
  triggers:
  - name: marked
    match:
    - {name: sick, expression: "object.metadata.?annotations.?sick.orValue('') == 'yes'"}
  remedies:
  - name: empty
    steps:
    - cordon: {}
    - drain: {}
    - patch: {set: [{path: /metadata/annotations/sick, remove: true}]}
    verify:
    - {name: marked-no-more, expression: "object.metadata.?annotations.?sick.orValue('') == ''"}
  recovery: {stableFor: 0s, healthy: [{name: always, expression: "true"}]}
  limits: {maxConcurrent: 100%, maxUnhealthy: 100%}
`

var drains = &regimen{name: "empty", role: role, policy: drainPolicy, least: 8, varies: true,
	admit: (*ward).admitNode, sicken: (*ward).markNode, see: (*ward).nodes}

func TestEveryFaultAtEveryWriteOfADrain(t *testing.T) { everyFault(t, drains) }

func TestCrashAtEveryWriteOfADrain(t *testing.T) { everyCrash(t, drains) }

// TestEveryFaultOfWatchesOfADrain: what the operator is told of nodes, pods and sets comes late, twice or not at all.
func TestEveryFaultOfWatchesOfADrain(t *testing.T) {
	everyStreamFault(t, drains, 2, "frozen-view", "dropped", "repeated", "cut", "expired")
}

// members are the pods of each owner, elsewhere is where they go.
const (
	members   = 2
	elsewhere = "elsewhere"
)

// admitNode makes a node, and on it all pods of a StatefulSet and of a ReplicaSet.
func (w *ward) admitNode(ctx context.Context, name string) error {
	w.history.wards.open.Do(func() { harness.Must(w.t, w.makeNode(ctx, elsewhere, nil)) })
	if err := w.makeNode(ctx, name, map[string]string{"role": "patient"}); err != nil {
		return err
	}
	replicas, labels := int32(members), map[string]string{"app": "set-" + name}
	set, err := w.Client.AppsV1().StatefulSets(name).Create(ctx, &appsv1.StatefulSet{ObjectMeta: meta("set-"+name, nil),
		Spec: appsv1.StatefulSetSpec{Replicas: &replicas, PodManagementPolicy: appsv1.ParallelPodManagement,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "i"}}}}}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	set.Status = appsv1.StatefulSetStatus{ObservedGeneration: set.Generation, Replicas: members, ReadyReplicas: members,
		UpdatedReplicas: members, CurrentRevision: "r", UpdateRevision: "r"}
	if _, err := w.Client.AppsV1().StatefulSets(name).UpdateStatus(ctx, set, metav1.UpdateOptions{}); err != nil {
		return err
	}
	for kind, uid := range map[string]types.UID{"StatefulSet": set.UID, "ReplicaSet": types.UID("web-" + name)} {
		for n := range members {
			app := map[string]string{"StatefulSet": "set-", "ReplicaSet": "web-"}[kind] + name
			no, yes := false, true
			pod := &corev1.Pod{ObjectMeta: meta(fmt.Sprintf("%s-%d", app, n), map[string]string{"app": app}), Spec: corev1.PodSpec{
				AutomountServiceAccountToken: &no, NodeName: name, Containers: []corev1.Container{{Name: "c", Image: "i"}}}}
			pod.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: kind, Name: app, UID: uid, Controller: &yes}}
			if err := w.start(ctx, pod, name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *ward) makeNode(ctx context.Context, name string, labels map[string]string) error {
	node, err := w.Client.CoreV1().Nodes().Create(ctx, &corev1.Node{ObjectMeta: meta(name, labels)}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	node.Spec.Taints = nil // every new node has one until it is ready
	if node, err = w.Client.CoreV1().Nodes().Update(ctx, node, metav1.UpdateOptions{}); err != nil {
		return err
	}
	node.Status.Allocatable = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1000"),
		corev1.ResourceMemory: resource.MustParse("1Ti"), corev1.ResourcePods: resource.MustParse("10000")}
	node.Status.NodeInfo.BootID, node.Status.NodeInfo.SystemUUID = "boot-"+name, "machine-"+name
	node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	_, err = w.Client.CoreV1().Nodes().UpdateStatus(ctx, node, metav1.UpdateOptions{})
	return err
}

// start makes a pod that is ready.
func (w *ward) start(ctx context.Context, pod *corev1.Pod, namespace string) error {
	made, err := w.makePod(ctx, namespace, pod)
	if err != nil {
		return err
	}
	made.Status = corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{
		{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now()}}}
	_, err = w.Client.CoreV1().Pods(namespace).UpdateStatus(ctx, made, metav1.UpdateOptions{})
	return err
}

// markNode makes a node sick.
func (w *ward) markNode(ctx context.Context, name string) error {
	_, err := w.Client.CoreV1().Nodes().Patch(ctx, name, types.MergePatchType, sick, metav1.PatchOptions{})
	return err
}

// attendants play kubelets and the controllers of sets: a pod that is to end ends, and comes back elsewhere. They see
// every change of a pod, so they know how many members of a set were ready at the worst moment.
type attendants struct {
	world *harness.World
	open  sync.Once

	mu    sync.Mutex
	ready map[string]map[string]bool // by the label app: names
	least map[string]int             // by the same, from when all were there
}

func (a *attendants) see(event watch.EventType, object *unstructured.Unstructured) {
	app := object.GetLabels()["app"]
	var pod corev1.Pod
	if object.GetKind() != "Pod" || app == "" || runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &pod) != nil {
		return
	}
	a.mu.Lock()
	if a.ready[app] == nil {
		a.ready[app] = map[string]bool{}
	}
	if event != watch.Deleted && harness.PodReady(&pod) {
		a.ready[app][pod.Name] = true
	} else {
		delete(a.ready[app], pod.Name)
	}
	if least, whole := a.least[app]; whole || len(a.ready[app]) == members {
		if !whole {
			least = members
		}
		a.least[app] = min(least, len(a.ready[app]))
	}
	a.mu.Unlock()
	switch {
	case event == watch.Modified && pod.DeletionTimestamp != nil && *pod.DeletionGracePeriodSeconds > 0:
		now := int64(0)
		// Whoever else has ended it: it has ended.
		go a.world.Client.CoreV1().Pods(pod.Namespace).Delete(context.Background(), pod.Name,
			metav1.DeleteOptions{GracePeriodSeconds: &now, Preconditions: &metav1.Preconditions{UID: &pod.UID}})
	case event == watch.Deleted:
		successor := &corev1.Pod{ObjectMeta: meta(pod.Name, pod.Labels), Spec: pod.Spec}
		if strings.HasPrefix(app, "web-") {
			successor.Name += "-again"
		}
		successor.OwnerReferences, successor.Spec.NodeName = pod.OwnerReferences, elsewhere
		w := &ward{World: a.world}
		go w.start(context.Background(), successor, pod.Namespace) // what does not come back is missed in the end
	}
}

// nodes says what has become of patients: the node, where its pods are, who was evicted how often, and how many of the
// set were there at the worst moment.
func (w *ward) nodes(names []string) map[string][]string {
	w.t.Helper()
	ctx := w.t.Context()
	lines := map[string][]string{}
	evictions := w.Evictions(w.t, "")
	for _, name := range names {
		say := func(format string, args ...any) {
			lines[name] = append(lines[name], strings.ReplaceAll(fmt.Sprintf(format, args...), name, "PATIENT"))
		}
		node, err := w.Client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		harness.Must(w.t, err)
		say("cordoned: %v, taints: %v, holders: %q, still sick: %q", node.Spec.Unschedulable, node.Spec.Taints,
			node.Annotations["kube-remedy.io/holders"], node.Annotations["sick"])
		var pods *corev1.PodList
		harness.Eventually(w.t, "all pods of "+name, harness.Limit, func() (bool, string) {
			pods, err = w.Client.CoreV1().Pods(name).List(ctx, metav1.ListOptions{})
			harness.Must(w.t, err)
			return !slices.ContainsFunc(pods.Items, func(p corev1.Pod) bool { return !harness.PodReady(&p) }) && len(pods.Items) == 2*members, harness.Text(pods.Items)
		})
		for _, pod := range pods.Items {
			say("%s is ready: %v, on %s", pod.Name, harness.PodReady(&pod), pod.Spec.NodeName)
			if uids := evictions[pod.Name]; len(uids) > 1 {
				say("%s was evicted: %v", pod.Name, uids)
			}
		}
		for _, app := range []string{"set-" + name, "web-" + name} {
			for n := range members {
				pod := fmt.Sprintf("%s-%d", app, n)
				say("evictions of %s: %d", pod, len(evictions[pod]))
			}
		}
		w.history.wards.mu.Lock()
		say("at least %d of %d members were ready", w.history.wards.least["set-"+name], members)
		w.history.wards.mu.Unlock()
	}
	return lines
}
