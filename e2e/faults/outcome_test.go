package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
	"github.com/kube-remedy/kube-remedy/e2e/harness"
)

// kinds are what remedies write to.
var kinds = []schema.GroupVersionResource{
	{Version: "v1", Resource: "configmaps"}, {Version: "v1", Resource: "pods"}, {Group: "apps", Version: "v1", Resource: "deployments"},
}

// A history is every change of those objects, as a watch of the test itself was told: what took effect, whoever
// asked for it how often.
type history struct {
	mu           sync.Mutex
	changes      map[string][]string            // by namespace
	remediations map[string]harness.Remediation // by name, as they are now
	wards        *attendants
	estate       *estate
}

func newHistory(w *harness.World) (*history, error) {
	h := &history{changes: map[string][]string{}, remediations: map[string]harness.Remediation{}, estate: newEstate(w),
		wards: &attendants{world: w, ready: map[string]map[string]bool{}, least: map[string]int{}}}
	for _, kind := range append(slices.Clone(kinds), harness.Remediations, nodesKind, jobsKind) {
		resource := w.Dynamic.Resource(kind)
		list, err := resource.List(context.Background(), metav1.ListOptions{Limit: 1})
		if err != nil {
			return nil, err
		}
		go h.follow(w, kind, list.GetResourceVersion()) // until the cluster ends
	}
	return h, nil
}

// follow watches, and goes on where it was whenever a stream ends: nothing is missed and nothing seen twice.
func (h *history) follow(w *harness.World, kind schema.GroupVersionResource, version string) {
	for failures := 0; failures < 50; failures++ {
		stream, err := w.Dynamic.Resource(kind).Watch(context.Background(), metav1.ListOptions{ResourceVersion: version})
		if err != nil {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		for event := range stream.ResultChan() {
			object, ok := event.Object.(*unstructured.Unstructured)
			if !ok || event.Type == watch.Error {
				break
			}
			failures, version = 0, object.GetResourceVersion()
			switch kind {
			case harness.Remediations:
				h.noteRemediation(object)
			case nodesKind:
				h.estate.seeNode(event.Type, object)
			case jobsKind:
				h.estate.seeJob(event.Type, object)
			default:
				h.wards.see(event.Type, object)
				h.note(object.GetNamespace(), strings.ToLower(string(event.Type))+" "+kind.Resource+"/"+object.GetName())
			}
		}
		stream.Stop()
	}
}

func (h *history) note(namespace, change string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.changes[namespace] = append(h.changes[namespace], change)
}

func (h *history) noteRemediation(object *unstructured.Unstructured) {
	text, err := object.MarshalJSON()
	var r harness.Remediation
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		r.Status.Message = err.Error()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.remediations[object.GetName()] = r
}

// all are the Remediations, also those of other patients.
func (h *history) all() []harness.Remediation {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Values(h.remediations))
}

func (h *history) of(namespace string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.changes[namespace])
}

// markers counts the objects that catchUp has made in the cluster, which several tests share.
var markers atomic.Int64

// catchUp waits until the history has all that happened so far: an object of each kind is made and seen.
func (w *ward) catchUp() {
	w.t.Helper()
	name := fmt.Sprintf("marker-%d", markers.Add(1))
	pod := map[string]any{"containers": []any{map[string]any{"name": "c", "image": "i"}}}
	specs := map[string]map[string]any{
		"configmaps": {"apiVersion": "v1", "kind": "ConfigMap"},
		"pods":       {"apiVersion": "v1", "kind": "Pod", "spec": pod},
		"deployments": {"apiVersion": "apps/v1", "kind": "Deployment", "spec": map[string]any{
			"selector": map[string]any{"matchLabels": map[string]any{"a": "b"}},
			"template": map[string]any{"metadata": map[string]any{"labels": map[string]any{"a": "b"}}, "spec": pod}}},
	}
	for _, kind := range kinds {
		object := &unstructured.Unstructured{Object: specs[kind.Resource]}
		object.SetName(name)
		_, err := w.Dynamic.Resource(kind).Namespace("default").Create(w.t.Context(), object, metav1.CreateOptions{})
		harness.Must(w.t, err)
		harness.Eventually(w.t, "the history", harness.Limit, func() (bool, string) {
			return slices.Contains(w.history.of("default"), "added "+kind.Resource+"/"+name), ""
		})
	}
}

// outcomes are what there is of patients in the end, and what was done on the way: by patient, as text.
func (w *ward) outcomes(names []string) map[string]string {
	w.t.Helper()
	w.catchUp()
	var lines map[string][]string
	if w.see != nil {
		lines = w.see(w, names)
	} else {
		lines = w.allOf(names)
	}
	for _, r := range w.history.all() {
		text := fmt.Sprintf("a Remediation: %s %s, steps", r.Status.Phase, r.Status.Reason)
		for _, step := range r.Status.Steps {
			text += " " + step.Action + " " + step.State
		}
		lines[r.Spec.TargetRef.Name] = append(lines[r.Spec.TargetRef.Name], text)
	}
	out := map[string]string{}
	for _, name := range names {
		slices.Sort(lines[name])
		out[name] = strings.Join(lines[name], "\n")
	}
	return out
}

// allOf are every object of patients in their namespaces, and every change of one.
func (w *ward) allOf(names []string) map[string][]string {
	w.t.Helper()
	lines := map[string][]string{}
	for _, name := range names {
		for _, change := range w.history.of(name) {
			lines[name] = append(lines[name], strings.ReplaceAll(change, name, "PATIENT"))
		}
	}
	for _, kind := range kinds {
		list, err := w.Dynamic.Resource(kind).List(w.t.Context(), metav1.ListOptions{})
		harness.Must(w.t, err)
		for _, object := range list.Items {
			name := object.GetNamespace()
			lines[name] = append(lines[name], kind.Resource+" "+strings.ReplaceAll(normal(w.t, &object), name, "PATIENT"))
		}
	}
	// What the operator was let create and delete: asked for twice, it would be there twice.
	for _, verb := range []string{"create", "delete"} {
		for _, e := range w.done(verb) {
			name := e.ObjectRef.Namespace
			object := standIn.ReplaceAllString(strings.ReplaceAll(e.ObjectRef.Name, name, "PATIENT"), "$1")
			lines[name] = append(lines[name], fmt.Sprintf("audit: %s %s/%s %s", e.Verb, e.ObjectRef.Resource, object, e.ObjectRef.Subresource))
		}
	}
	for _, name := range names {
		lines[name] = append(lines[name], w.servicesOf(name)...)
	}
	return lines
}

// done are the requests with a verb that the operator made and that took effect; telling of it aside.
func (w *ward) done(verb string) []cluster.AuditEvent {
	w.t.Helper()
	events, err := w.AuditEvents(fmt.Sprintf(`"verb":%q`, verb))
	harness.Must(w.t, err)
	return slices.DeleteFunc(events, func(e cluster.AuditEvent) bool {
		took := e.User.Username == harness.User && e.Verb == verb && e.ObjectRef != nil && e.ResponseStatus != nil && e.ResponseStatus.Code < 300
		return !took || strings.Contains(e.RequestURI, "dryRun") || strings.Contains(e.RequestURI, "/events")
	})
}

// standIn is how a Service is called that stands in for another: with a part of that one's UID.
var standIn = regexp.MustCompile(`^(.*-stands-in)-[0-9a-f]+$`)

// normal is an object without what differs between any two.
func normal(t *testing.T, object *unstructured.Unstructured) string {
	t.Helper()
	object = object.DeepCopy()
	for _, field := range []string{"uid", "resourceVersion", "creationTimestamp", "managedFields"} {
		unstructured.RemoveNestedField(object.Object, "metadata", field)
	}
	restarted := []string{"spec", "template", "metadata", "annotations", "kube-remedy.io/restartedAt"}
	if at, ok, _ := unstructured.NestedString(object.Object, restarted...); ok && at != "" {
		harness.Must(t, unstructured.SetNestedField(object.Object, "set", restarted...))
	}
	text, err := json.Marshal(object)
	harness.Must(t, err)
	return string(text)
}

// compare fails for each patient whose outcome is not that of an undisturbed one.
func (w *ward) compare(names []string, want string) {
	w.t.Helper()
	for name, got := range w.outcomes(names) {
		if got != want {
			w.t.Errorf("%s: the outcome differs from the undisturbed one:\n%s", name, difference(want, got))
		}
	}
}

// difference is the lines that only one of two sorted texts has.
func difference(want, got string) string {
	var out []string
	rest := strings.Split(got, "\n")
	for _, line := range strings.Split(want, "\n") {
		if at := slices.Index(rest, line); at >= 0 {
			rest = slices.Delete(rest, at, at+1)
		} else {
			out = append(out, "missing:   "+line)
		}
	}
	for _, line := range rest {
		out = append(out, "not wanted: "+line)
	}
	return strings.Join(out, "\n")
}
