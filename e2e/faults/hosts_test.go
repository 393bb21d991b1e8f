package faults

import (
	"context"
	"fmt"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
)

// Nodes that are taken out of service, on whose hosts something is run, and that are deleted in the end, while things
// go wrong: each goes through the same states, and the command runs once.

const hostPolicy = `
apiVersion: kube-remedy.io/v1alpha1
kind: NodeCommand
metadata: {name: host}
spec:
  commands: [{argv: [/bin/true], timeout: 10s}]
---
apiVersion: kube-remedy.io/v1alpha1
kind: RemediationPolicy
metadata: {name: host}
spec:
  target: {apiVersion: v1, kind: Node, selector: {matchLabels: {role: hosting}}}
  triggers:
  - name: marked
    match:
    - {name: sick, expression: "object.metadata.?annotations.?sick.orValue('') == 'yes'"}
  remedies:
  - name: replace
    steps:
    - cordon: {}
    - taint: {key: example.com/sick, value: "yes"}
    - nodeCommand: {name: host, startDeadline: 5m}
    - untaint: {key: example.com/sick}
    - uncordon: {}
    - cordon: {}
    - drain: {}
    - deleteNode: {}
  limits: {maxConcurrent: 100%, maxUnhealthy: 100%}
`

var hosts = &regimen{name: "host", role: role, policy: hostPolicy, least: 12, varies: true,
	admit: (*ward).admitHost, sicken: (*ward).markNode, see: (*ward).hosts}

func TestEveryFaultAtEveryWriteOfAHost(t *testing.T) { everyFault(t, hosts) }

func TestCrashAtEveryWriteOfAHost(t *testing.T) { everyCrash(t, hosts) }

func (w *ward) admitHost(ctx context.Context, name string) error {
	return w.makeNode(ctx, name, map[string]string{"role": "hosting"})
}

var (
	nodesKind = schema.GroupVersionResource{Version: "v1", Resource: "nodes"}
	jobsKind  = schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}
)

// An estate is the hosts of all nodes: it plays the pods of Jobs, and has seen every state of every node.
type estate struct {
	world *harness.World

	mu       sync.Mutex
	states   map[string][]string // by node
	executed map[string][]string // by node: what its tasks' executors were told, or what came of them
}

func newEstate(w *harness.World) *estate {
	return &estate{world: w, states: map[string][]string{}, executed: map[string][]string{}}
}

func (e *estate) seeNode(event watch.EventType, object *unstructured.Unstructured) {
	var node corev1.Node
	if runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &node) != nil {
		return
	}
	state := fmt.Sprintf("cordoned: %v, taints: %v", node.Spec.Unschedulable, node.Spec.Taints)
	if event == watch.Deleted {
		state = "deleted"
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if seen := e.states[node.Name]; len(seen) == 0 || seen[len(seen)-1] != state {
		e.states[node.Name] = append(seen, state)
	}
}

// seeJob does what the pod of a Job does.
func (e *estate) seeJob(event watch.EventType, job *unstructured.Unstructured) {
	if event != watch.Added {
		return
	}
	node, _, _ := unstructured.NestedString(job.Object, "spec", "template", "spec", "nodeName")
	go func() {
		said := "ended"
		client, err := e.world.AsExecutor(node)
		for _, phase := range []string{"Running", "Succeeded"} {
			if err == nil {
				err = harness.ReportNodeTask(context.Background(), client, job.GetName(), fmt.Sprintf(`{"phase": %q}`, phase))
			}
		}
		if err != nil {
			said = err.Error()
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		e.executed[node] = append(e.executed[node], said)
	}()
}

// hosts says what has become of patients and of what was to run on their hosts.
func (w *ward) hosts(names []string) map[string][]string {
	w.t.Helper()
	ctx := w.t.Context()
	lines := map[string][]string{}
	tasks, err := w.Dynamic.Resource(harness.NodeTasks).List(ctx, metav1.ListOptions{})
	harness.Must(w.t, err)
	for _, task := range tasks.Items {
		node, _, _ := unstructured.NestedString(task.Object, "spec", "node", "name")
		phase, _, _ := unstructured.NestedString(task.Object, "status", "phase")
		lines[node] = append(lines[node], "a NodeTask: "+phase)
	}
	deletions := w.done("delete")
	for _, name := range names {
		_, err := w.Client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		lines[name] = append(lines[name], fmt.Sprintf("is gone: %v", apierrors.IsNotFound(err)))
		deleted := 0
		for _, d := range deletions {
			if d.ObjectRef.Resource == "nodes" && d.ObjectRef.Name == name {
				deleted++
			}
		}
		w.history.estate.mu.Lock()
		lines[name] = append(lines[name], fmt.Sprintf("deletions: %d", deleted), fmt.Sprintf("states: %q", w.history.estate.states[name]),
			fmt.Sprintf("on its host: %q", w.history.estate.executed[name]))
		w.history.estate.mu.Unlock()
	}
	return lines
}
