package cases

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
	"github.com/kube-remedy/kube-remedy/e2e/scenario"
)

const healthHost = "FELIX_HEALTHHOST"

// An incident is calico-node in a namespace of its own, under the shipped policy for that namespace.
type incident struct {
	*harness.World
	t         *testing.T
	op        *operator.Operator
	namespace string // also the policy's name
	before    *appsv1.DaemonSet
	pods      []corev1.Pod
}

// newIncident makes the DaemonSet (changed by edit), waits for its pods and applies the policy, which also watches
// the namespace beside, where nothing is.
func newIncident(t *testing.T, name string, edit func(*appsv1.DaemonSet), patches ...string) *incident {
	t.Helper()
	w, op := withNodes.Get(t)
	i := &incident{World: w, t: t, op: op, namespace: w.Namespace(t, name)}
	i.install(name, edit)
	i.policy([]string{name, name + "-beside"}, patches...)
	return i
}

func (i *incident) install(namespace string, edit func(*appsv1.DaemonSet)) {
	i.t.Helper()
	ds := scenario.CalicoDaemonSet(namespace)
	if edit != nil {
		edit(ds)
	}
	ctx := i.t.Context()
	_, err := i.Client.AppsV1().DaemonSets(namespace).Create(ctx, ds, metav1.CreateOptions{})
	harness.Must(i.t, err)
	harness.Must(i.t, scenario.Available(ctx, i.Client, namespace, scenario.CalicoNode, int32(withNodes.Nodes)))
	i.before = i.GetDaemonSet(i.t, namespace, scenario.CalicoNode)
	i.pods, err = scenario.Pods(ctx, i.Client, namespace)
	harness.Must(i.t, err)
}

// policy applies the shipped policy under the incident's name with a short time of proof.
func (i *incident) policy(namespaces []string, patches ...string) {
	i.t.Helper()
	patch := fmt.Sprintf(`{"metadata":{"name":%q},"spec":{"target":{"namespaces":["%s"]},"recovery":{"stableFor":"1s"},`+
		`"limits":{"cooldown":"1s","maxUnhealthy":"100%%","maxConcurrent":2}}}`, i.namespace, strings.Join(namespaces, `","`))
	text, err := scenario.ShippedPolicy("calico-felix-healthhost.yaml", patch)
	harness.Must(i.t, err)
	text, err = harness.Merge(text, patches...)
	harness.Must(i.t, err)
	i.Apply(i.t, text)
	i.DeleteAtEnd(i.t, i.namespace)
	i.AwaitCondition(i.t, i.namespace, "Ready", "True", "Ready")
}

// post creates an Event of the core API.
func (i *incident) post(event *corev1.Event) *corev1.Event {
	i.t.Helper()
	made, err := i.Client.CoreV1().Events(event.Namespace).Create(i.t.Context(), event, metav1.CreateOptions{})
	harness.Must(i.t, err)
	return made
}

// probesFail posts n Events, one for each pod in turn.
func (i *incident) probesFail(n int, last time.Time) {
	i.t.Helper()
	for k := range n {
		pod := i.pods[k%len(i.pods)]
		i.post(scenario.UnhealthyEvent(&pod, fmt.Sprintf("probe-%d", k), 1, last))
	}
}

// wantHealed waits for the success and compares everything with before.
func (i *incident) wantHealed() harness.Remediation {
	i.t.Helper()
	r := i.AwaitPhase(i.t, i.namespace, "Succeeded")
	i.WantPatches(i.t, i.namespace, 1)
	after := i.GetDaemonSet(i.t, i.namespace, scenario.CalicoNode)
	if got, _ := harness.Env(after, healthHost); got != (corev1.EnvVar{Name: healthHost, Value: "127.0.0.1"}) {
		i.t.Errorf("%s is %+v", healthHost, got)
	}
	if got, want := without(after, healthHost), without(i.before, healthHost); !equality.Semantic.DeepEqual(got, want) {
		i.t.Errorf("something else in the spec changed:\n%s", diff(want, got))
	}
	return r
}

// without is the spec but for one variable of the first container.
func without(ds *appsv1.DaemonSet, name string) appsv1.DaemonSetSpec {
	spec := *ds.Spec.DeepCopy()
	container := &spec.Template.Spec.Containers[0]
	var kept []corev1.EnvVar
	for _, e := range container.Env {
		if e.Name != name {
			kept = append(kept, e)
		}
	}
	container.Env = kept
	return spec
}

func diff(want, got any) string {
	a, _ := json.Marshal(want)
	b, _ := json.Marshal(got)
	return fmt.Sprintf("want %s\ngot  %s", a, b)
}
