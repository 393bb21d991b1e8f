package faults

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
	"github.com/kube-remedy/kube-remedy/e2e/harness"
)

// shared has no controllers that would write to what the remedies write to: whatever changes, the operator has
// changed it, and every run consists of the same writes.
//
// There are many more ports than Services, for those that stand in for others get theirs at random: a port that a
// Service has let go for a moment is not given to another one.
var shared = harness.Shared{Options: cluster.Options{
	ControllerManagerArgs: []string{"--controllers=clusterrole-aggregation-controller,serviceaccount-controller"},
	APIServerArgs:         []string{"--service-node-port-range=10000-60000"},
}}

// config keeps every remediation's writes alike: none that only shows progress. Each may hold a request of its own.
const config = `
limits: {exemptFromNodeBudget: [empty, host]}
log: {level: info, format: text}
workers: 256
leaderElection: {leaseDuration: %s, renewDeadline: %s, retryPeriod: 1s}
timing: {retryInitial: 50ms, retryMax: 500ms, recheck: 50ms, statusInterval: 1s, progressInterval: 10m, pruneInterval: 1h}
watches: {settle: 200ms, backoffInitial: 50ms, backoffMax: 500ms}
webhooks: {namespace: kube-remedy, allowNetworks: [127.0.0.0/8]}
nodeCommands: {image: "registry.local/kube-remedy:test"}
`

// role is what the policy needs on top of the shipped roles.
const role = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: kube-remedy-faults
  labels: {kube-remedy.io/aggregate-to-controller: "true"}
rules:
- {apiGroups: [""], resources: [configmaps], verbs: [get, list, watch, create, patch, delete]}
- {apiGroups: [""], resources: [pods], verbs: [get, list, watch, delete]}
- {apiGroups: [""], resources: [pods/eviction], verbs: [create]}
- {apiGroups: [apps], resources: [deployments], verbs: [get, list, watch, patch]}
- {apiGroups: [apps], resources: [deployments/scale], verbs: [get, patch, update]}
`

// policy has each action that writes, and each kind of patch; what must not be done twice shows how often it was done.
const policy = `
apiVersion: kube-remedy.io/v1alpha1
kind: RemediationPolicy
metadata: {name: faults}
spec:
  target: {apiVersion: v1, kind: ConfigMap, selector: {matchLabels: {role: patient}}}
  related:
  - {name: old, apiVersion: v1, kind: Pod, sameNamespace: true, selector: {matchLabels: {old: "yes"}}}
  - {name: evict, apiVersion: v1, kind: Pod, sameNamespace: true, selector: {matchLabels: {evict: "yes"}}}
  triggers:
  - name: marked
    match:
    - {name: sick, expression: "object.metadata.?annotations.?sick.orValue('') == 'yes'"}
  remedies:
  - name: everything
    steps:
    - notify: {messageExpression: "target.name + ' is treated'"}
    - apply:
        object: {apiVersion: v1, kind: ConfigMap, metadata: {name: made}, data: {a: "1"}}
        set: [{path: /data/of, expression: target.name}]
    - patch:
        set: [{path: /metadata/annotations/rounds, expression: string(int(object.metadata.annotations.rounds) + 1)}]
    - rolloutRestart: {}
      applyTo: {ref: {apiVersion: apps/v1, kind: Deployment, name: web}}
    - patch:
        type: JSON
        operations:
        - {op: test, path: /spec/replicas, value: 2}
        - {op: add, path: /spec/template/spec/containers/0/args/-, value: more}
      applyTo: {ref: {apiVersion: apps/v1, kind: Deployment, name: web}}
    - patch: {type: Apply, patch: {data: {applied: "yes"}}}
    - setEnv: {container: c, env: [{name: SET, value: "1"}]}
      applyTo: {ref: {apiVersion: apps/v1, kind: Deployment, name: web}}
    - patch:
        type: Strategic
        patch: {spec: {template: {spec: {containers: [{name: added, image: i}]}}}}
      applyTo: {ref: {apiVersion: apps/v1, kind: Deployment, name: web}}
    - scale: {replicasExpression: it.spec.replicas * 2}
      applyTo: {ref: {apiVersion: apps/v1, kind: Deployment, name: web}}
    - deletePod: {mode: Delete, gracePeriodSeconds: 1}
      applyTo:
        related: old
        where: it.metadata.name != 'kept'
        orderBy: it.metadata.name
        waitFor: {expression: it == null, timeout: 1m}
    - deletePod: {mode: Evict}
      applyTo: {related: evict, maxConcurrent: 2}
    - delete: {}
      applyTo: {ref: {apiVersion: v1, kind: ConfigMap, name: doomed}}
    - waitFor: {expression: object.metadata.annotations.rounds == '1', timeout: 1m}
    - patch: {set: [{path: /metadata/annotations/sick, remove: true}]}
    verify:
    - {name: marked-no-more, expression: "object.metadata.?annotations.?sick.orValue('') == ''"}
  recovery: {stableFor: 0s}
  limits: {maxConcurrent: 100%, maxUnhealthy: 100%}
`

// A ward is the world with the patients: each is a ConfigMap in a namespace of its own, both of the patient's name.
type ward struct {
	*harness.World
	*regimen
	t *testing.T

	mu       sync.Mutex
	services map[string]string // what they were like; see whole
}

func (w *ward) each(names []string, do func(ctx context.Context, name string) error) {
	w.t.Helper()
	var wait sync.WaitGroup
	errs := make(chan error, len(names))
	slots := make(chan struct{}, 16)
	for _, name := range names {
		wait.Add(1)
		go func() {
			defer wait.Done()
			slots <- struct{}{}
			defer func() { <-slots }()
			errs <- do(w.t.Context(), name)
		}()
	}
	wait.Wait()
	for range names {
		harness.Must(w.t, <-errs)
	}
}

func meta(name string, labels map[string]string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Labels: labels}
}

// admit makes patients and what belongs to them. They are healthy.
func (w *ward) admit(names []string) {
	w.t.Helper()
	begin := time.Now()
	defer func() {
		w.t.Logf("%d patients were there after %v", len(names), time.Since(begin).Round(time.Millisecond))
	}()
	w.each(names, func(ctx context.Context, name string) error {
		if _, err := w.Client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: meta(name, nil)}, metav1.CreateOptions{}); err != nil {
			return err
		}
		return w.regimen.admit(w, ctx, name)
	})
}

// admitOne makes what the policy of all actions is about.
func (w *ward) admitOne(ctx context.Context, name string) error {
	patient := &corev1.ConfigMap{ObjectMeta: meta(name, map[string]string{"role": "patient"}), Data: map[string]string{}}
	patient.Annotations = map[string]string{"rounds": "0"}
	for _, object := range []*corev1.ConfigMap{patient, {ObjectMeta: meta("doomed", nil)}} {
		if _, err := w.Client.CoreV1().ConfigMaps(name).Create(ctx, object, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	one, two, app := int64(1), int32(2), map[string]string{"app": "web"}
	web := &appsv1.Deployment{ObjectMeta: meta("web", nil), Spec: appsv1.DeploymentSpec{
		Replicas: &two, Selector: &metav1.LabelSelector{MatchLabels: app},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: app},
			Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "i", Args: []string{"one"}}}}},
	}}
	web, err := w.Client.AppsV1().Deployments(name).Create(ctx, web, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	web.Status = appsv1.DeploymentStatus{ObservedGeneration: web.Generation, Replicas: 2, UpdatedReplicas: 2}
	if _, err := w.Client.AppsV1().Deployments(name).UpdateStatus(ctx, web, metav1.UpdateOptions{}); err != nil {
		return err
	}
	for pod, label := range map[string]string{"old-1": "old", "old-2": "old", "kept": "old", "evicted-1": "evict", "evicted-2": "evict"} {
		no := false
		object := &corev1.Pod{ObjectMeta: meta(pod, map[string]string{label: "yes"}), Spec: corev1.PodSpec{
			AutomountServiceAccountToken: &no, TerminationGracePeriodSeconds: &one,
			Containers: []corev1.Container{{Name: "c", Image: "i"}}}}
		if _, err := w.makePod(ctx, name, object); err != nil {
			return err
		}
	}
	return nil
}

// makePod waits for the service account of a new namespace.
func (w *ward) makePod(ctx context.Context, namespace string, pod *corev1.Pod) (made *corev1.Pod, err error) {
	for range 100 {
		made, err = w.Client.CoreV1().Pods(namespace).Create(ctx, pod, metav1.CreateOptions{})
		if err == nil || !strings.Contains(err.Error(), "serviceaccount") {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	return made, err
}

// sick is the patch that makes the annotation which is the symptom.
var sick = []byte(`{"metadata":{"annotations":{"sick":"yes"}}}`)

// fallIll makes patients sick.
func (w *ward) fallIll(names []string) {
	w.t.Helper()
	w.each(names, func(ctx context.Context, name string) (err error) {
		if w.sicken != nil {
			return w.sicken(w, ctx, name)
		}
		_, err = w.Client.CoreV1().ConfigMaps(name).Patch(ctx, name, types.MergePatchType, sick, metav1.PatchOptions{})
		return err
	})
}

// awaitEnd waits until every patient has had a remediation that has ended.
func (w *ward) awaitEnd(names []string, limit time.Duration) {
	w.t.Helper()
	begin := time.Now()
	last := ""
	defer func() {
		w.t.Logf("%d remediations took %v, the last was that of %s", len(names), time.Since(begin).Round(time.Millisecond), last)
	}()
	for {
		ended, open := w.ended()
		missing := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return ended[name] })
		if len(missing) == 0 {
			return
		}
		last = missing[0]
		if time.Since(begin) > limit { // how far they have come is still of interest
			w.t.Errorf("waited %v for %d remediations to end: %v%s", limit, len(missing), missing, open)
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// ended tells whose remediations have ended, and how far the others have come.
func (w *ward) ended() (names map[string]bool, open string) {
	names = map[string]bool{}
	for _, r := range w.history.all() {
		if r.Final() {
			names[r.Spec.TargetRef.Name] = true
		} else {
			open += "\n" + r.String()
		}
	}
	return names, open
}

// concerns tells the writes that a patient's remediation consists of. Events and the policy's status are not among them.
func concerns(name, uri string, body []byte) bool {
	switch {
	case strings.Contains(uri, "/events"), strings.Contains(uri, "/remediationpolicies/"):
		return false
	case strings.Contains(uri, "/remediations/") && strings.Contains(uri, "-"+name+"-"), strings.Contains(uri, "/namespaces/"+name+"/"),
		strings.Contains(uri, "/api/v1/nodes/"+name+"?"):
		return true
	}
	made := slices.ContainsFunc([]string{"/remediations?", "/nodetasks?", "/jobs?"}, func(kind string) bool { return strings.Contains(uri, kind) })
	return made && strings.Contains(string(body), `"`+name+`"`)
}
