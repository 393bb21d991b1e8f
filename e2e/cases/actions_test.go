package cases

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
)

// actionWorld is what the steps below work on: a Deployment, a Job, three pods of nobody.
const actionWorld = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: actions}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      nodeSelector: {kube-remedy.io/no-such: node}
      containers: [{name: main, image: "registry.local/main:1"}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: old, namespace: actions}
spec:
  suspend: true
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: "registry.local/main:1"}]
---
apiVersion: v1
kind: Pod
metadata: {name: p1, namespace: actions, labels: {of: d}, annotations: {rank: "1"}}
spec: {nodeSelector: {kube-remedy.io/no-such: node}, containers: [{name: main, image: "registry.local/main:1"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: p2, namespace: actions, labels: {of: d}, annotations: {rank: "2"}}
spec: {nodeSelector: {kube-remedy.io/no-such: node}, containers: [{name: main, image: "registry.local/main:1"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: p3, namespace: actions, labels: {of: d}, annotations: {rank: "3"}}
spec: {nodeSelector: {kube-remedy.io/no-such: node}, containers: [{name: main, image: "registry.local/main:1"}]}
`

// actionPolicy has a step of each action. The DaemonSet d is sick as long as it says so.
const actionPolicy = `
apiVersion: kube-remedy.io/v1alpha1
kind: RemediationPolicy
metadata: {name: actions}
spec:
  target: {apiVersion: apps/v1, kind: DaemonSet, namespaces: [actions], names: [d]}
  related:
  - {name: pods, apiVersion: v1, kind: Pod, sameNamespace: true, key: "it.metadata.?labels['of']", equals: target.name}
  triggers:
  - {name: marked, match: [{name: m, expression: "object.metadata.?annotations['sick'].hasValue()"}]}
  remedies:
  - name: everything
    record:
    - {key: pods, expression: "related.pods.map(p, p.metadata.name).sort()"}
    steps:
    - deletePod: {mode: Evict}
      applyTo:
        related: pods
        where: "it.metadata.annotations['rank'] != '1'"
        orderBy: "-int(it.metadata.annotations['rank'])"
        max: 1
        waitFor: {expression: it == null, timeout: 30s}
    - deletePod: {mode: Delete, gracePeriodSeconds: 1}
      applyTo: {ref: {apiVersion: v1, kind: Pod, name: p2}}
    - scale: {replicasExpression: it.spec.replicas * 2}
      applyTo: {ref: {apiVersion: apps/v1, kind: Deployment, name: web}}
    - rolloutRestart: {}
      applyTo: {ref: {apiVersion: apps/v1, kind: DaemonSet, nameExpression: target.name}}
    - apply:
        object: {apiVersion: v1, kind: ConfigMap, metadata: {name: made}}
        set:
        - {path: /data/pods, expression: "remediation.record.pods.join(',')"}
    - patch:
        type: JSON
        operations:
        - {op: test, path: /data/pods, value: "p1,p2,p3"}
        - {op: add, path: /data/more, valueExpression: target.name}
      applyTo: {ref: {apiVersion: v1, kind: ConfigMap, name: made}}
    - patch: {type: Apply, patch: {metadata: {annotations: {applied: "yes"}}}}
    - delete: {propagation: Background}
      applyTo: {ref: {apiVersion: batch/v1, kind: Job, name: old}}
    - setEnv: {container: main, env: [{name: TARGET, valueExpression: target.name}]}
    verify: [{name: at-once, expression: "true"}]
    cureWithin: 5m
  recovery: {stableFor: 1s, healthy: [{name: always, expression: "true"}]}
  limits: {maxUnhealthy: 100%}
`

func TestEachActionOnTheRealServer(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "actions")
	w.Apply(t, actionWorld)
	w.DaemonSet(t, ns, "d", nil)
	w.DeleteAtEnd(t, ns)
	w.Apply(t, strings.Replace(actionPolicy, "spec:\n", "spec:\n  mode: Observe\n", 1))
	w.AwaitCondition(t, ns, "Ready", "True", "Ready")
	w.Annotate(t, ns, "d", "sick", "yes")

	// First the plan: the server has validated every write, and nothing is changed.
	plan := w.AwaitPhase(t, ns, "Observed").Status.Plan
	if len(plan) != 9 {
		t.Fatalf("the plan has %d steps, want 9: %s", len(plan), harness.Text(plan))
	}
	for _, step := range plan {
		// The patches are of an object that is not there yet, and what apply writes is not recorded yet.
		if step.Action == "patch" || step.Action == "apply" && strings.Contains(step.Message, "remediation.record") {
			continue
		}
		if step.Validation != "Validated" && !strings.HasPrefix(step.Message, "not validated") {
			t.Errorf("step %s: %s %s", step.Action, step.Validation, step.Message)
		}
	}
	if got := plan[0].Object; got == nil || got.Name != "p3" {
		t.Errorf("the first step works on %+v, want p3", got)
	}
	pods, err := w.Client.CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{LabelSelector: "of=d"})
	harness.Must(t, err)
	if len(pods.Items) != 3 {
		t.Errorf("Observe has removed pods: %d are left", len(pods.Items))
	}

	w.Kubectl(t, "", "delete", "rempol", ns, "--wait")
	// The next one may be made within the same second: then nothing would say which is newer.
	w.Kubectl(t, "", "delete", "rem", w.Remediations(t, ns)[0].Name)
	w.Apply(t, actionPolicy)
	r := w.AwaitRemediation(t, ns, "to have done its steps", func(r *harness.Remediation) bool {
		return r.Final() && r.Status.Phase != "Observed" || r.Status.Phase == "Holding"
	})
	for _, step := range r.Status.Steps {
		if step.State != "Succeeded" {
			t.Errorf("step %s is %s: %s", step.Action, step.State, step.Message)
		}
	}
	w.Annotate(t, ns, "d", "sick", "")
	w.AwaitPhase(t, ns, "Succeeded")

	pods, err = w.Client.CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{LabelSelector: "of=d"})
	harness.Must(t, err)
	if len(pods.Items) != 1 || pods.Items[0].Name != "p1" {
		t.Errorf("the pods that are left are %s", harness.Text(pods.Items))
	}
	web, err := w.Client.AppsV1().Deployments(ns).Get(t.Context(), "web", metav1.GetOptions{})
	harness.Must(t, err)
	if *web.Spec.Replicas != 4 {
		t.Errorf("the Deployment has %d replicas, want 4", *web.Spec.Replicas)
	}
	made, err := w.Client.CoreV1().ConfigMaps(ns).Get(t.Context(), "made", metav1.GetOptions{})
	harness.Must(t, err)
	if made.Data["pods"] != "p1,p2,p3" || made.Data["more"] != "d" {
		t.Errorf("the ConfigMap holds %v", made.Data)
	}
	ds := w.GetDaemonSet(t, ns, "d")
	if ds.Spec.Template.Annotations["kube-remedy.io/restartedAt"] == "" {
		t.Errorf("the DaemonSet was not restarted")
	}
	if ds.Annotations["applied"] != "yes" {
		t.Errorf("the DaemonSet has the annotations %v", ds.Annotations)
	}
	if v, _ := harness.Env(ds, "TARGET"); v.Value != "d" {
		t.Errorf("TARGET is %q", v.Value)
	}
}

// TestAFieldOfAnotherManagerFailsTheStep: asked again, the server would say the same again.
func TestAFieldOfAnotherManagerFailsTheStep(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "apply-conflict")
	w.Apply(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: held, namespace: `+ns+`}, data: {a: theirs}}`, "--server-side", "--field-manager=helm")
	w.DaemonSet(t, ns, "d", map[string]string{"sick": "yes"})
	for policy, step := range map[string]string{
		"conflict-apply": `{apply: {object: {apiVersion: v1, kind: ConfigMap, metadata: {name: held}, data: {a: ours}}}}`,
		"conflict-patch": `{patch: {type: Apply, patch: {data: {a: ours}}}, applyTo: {ref: {apiVersion: v1, kind: ConfigMap, name: held}}}`,
	} {
		w.ApplyPolicy(t, policy, ns, `{spec: {remedies: [{name: cure, steps: [`+step+`], verify: [{name: v, expression: "true"}]}]}}`)
		r := w.AwaitPhase(t, policy, "Failed")
		wantText(t, "the step's message", r.Status.Steps[0].Message, "Conflict", `conflict with "helm"`, ".data.a")
		w.Kubectl(t, "", "delete", "rempol", policy, "--wait")
	}
}
