package cases

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
	"github.com/kube-remedy/kube-remedy/e2e/faultproxy"
	"github.com/kube-remedy/kube-remedy/e2e/harness"
)

// grantedWorld is of each kind that the shipped roles are for and no other case treats.
const grantedWorld = `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: set, namespace: granted}
spec:
  replicas: 1
  serviceName: set
  selector: {matchLabels: {app: set}}
  template:
    metadata: {labels: {app: set}}
    spec: {nodeSelector: {kube-remedy.io/no-such: node}, containers: [{name: main, image: "registry.local/main:1"}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: granted}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {nodeSelector: {kube-remedy.io/no-such: node}, containers: [{name: main, image: "registry.local/main:1"}]}
---
apiVersion: v1
kind: ReplicationController
metadata: {name: ancient, namespace: granted}
spec:
  replicas: 1
  selector: {app: ancient}
  template:
    metadata: {labels: {app: ancient}}
    spec: {nodeSelector: {kube-remedy.io/no-such: node}, containers: [{name: main, image: "registry.local/main:1"}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: batch, namespace: granted}
spec:
  template:
    metadata: {labels: {app: batch}}
    spec: {restartPolicy: Never, nodeSelector: {kube-remedy.io/no-such: node}, containers: [{name: main, image: "registry.local/main:1"}]}
---
apiVersion: v1
kind: Service
metadata: {name: svc, namespace: granted}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Namespace
metadata: {name: granted-target, labels: {granted: "yes"}}
---
apiVersion: v1
kind: Node
metadata: {name: granted, labels: {granted: "yes"}}
`

// grantedPolicy is about everything of a kind that has the label sick.
const grantedPolicy = `
apiVersion: kube-remedy.io/v1alpha1
kind: RemediationPolicy
metadata: {name: granted-%[1]s}
spec:
  target: {apiVersion: %[2]s, kind: %[3]s, selector: {matchLabels: {sick: "yes"}}}
  related: %[4]s
  triggers:
  - name: joined
    match: [{name: joined, expression: "%[5]s"}]
  remedies:
  - name: cure
    steps: %[6]s
    verify: [{name: at-once, expression: "true"}]
  recovery: {stableFor: 0s, healthy: [{name: always, expression: "true"}]}
  limits: {maxUnhealthy: 100%%, maxConcurrent: 100%%, cooldown: 0s}
`

// EveryKindOfTheShippedRoles: what the roles that come along are for is done for each kind that they name. A grant
// that neither this nor another case needs is too much: see checkGrants.
func TestEveryKindOfTheShippedRoles(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "granted")
	w.Apply(t, grantedWorld)
	t.Cleanup(func() { w.TryKubectl(t, "", "delete", "node", "granted") })
	const workload = `[
	  {setEnv: {container: main, env: [{name: A, value: b}]}},
	  {patch: {patch: {metadata: {annotations: {patched: "yes"}}}}},
	  {scale: {replicas: 2}},
	  {waitFor: {expression: object.status.observedGeneration == object.metadata.generation, timeout: 30s}}]`
	cases := []struct{ name, apiVersion, kind, related, trigger, steps, sick string }{
		{"restart", "apps/v1", "StatefulSet", "[]", "true", `[{rolloutRestart: {}}]`, "statefulset/set"},
		{"set", "apps/v1", "StatefulSet", `[{name: pods, preset: OwnedPods}]`, "related.pods.size() >= 0", workload, "statefulset/set"},
		{"web", "apps/v1", "Deployment", `[{name: pods, preset: OwnedPods}]`, "related.pods.size() >= 0", workload, "deployment/web"},
		{"pods", "v1", "Pod", `[{name: claims, preset: PVCsOfPod}, {name: budgets, preset: PDBsOfPod}]`,
			"related.claims.size() + related.budgets.size() >= 0", `[{notify: {}}]`, "pods -l app"},
		{"svc", "v1", "Service", `[{name: pods, preset: PodsOfService}, {name: slices, preset: EndpointSlicesOfService}]`,
			"related.pods.size() + related.slices.size() >= 0", `[{notify: {}}]`, "service/svc"},
		{"ns", "v1", "Namespace", "[]", "true", `[{notify: {}}]`, "namespace/granted-target"},
		{"node", "v1", "Node", "[]", "true", `[{notify: {}}]`, "node/granted"},
		{"apply", "apps/v1", "StatefulSet", "[]", "true", `[
		  {apply: {object: {apiVersion: v1, kind: LimitRange, metadata: {name: made}, spec: {limits: [{type: Pod, max: {cpu: "8"}}]}}}},
		  {apply: {object: {apiVersion: batch/v1, kind: Job, metadata: {name: made}, spec: {suspend: true, template: {spec: {
		    restartPolicy: Never, containers: [{name: main, image: "registry.local/main:1"}]}}}}}}]`, "statefulset/set"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			policy := "granted-" + c.name
			w.Apply(t, fmt.Sprintf(grantedPolicy, c.name, c.apiVersion, c.kind, c.related, c.trigger, c.steps))
			w.DeleteAtEnd(t, policy)
			w.AwaitCondition(t, policy, "Ready", "True", "Ready")
			sick := append([]string{"-n", ns, "label", "--overwrite"}, strings.Fields(c.sick)...)
			w.Kubectl(t, "", append(slices.Clone(sick), "sick=yes")...)
			r := w.AwaitRemediation(t, policy, "to have done its steps", func(r *harness.Remediation) bool {
				return r.Final() || r.Status.Phase == "Holding" // the symptom stays: it is about the steps
			})
			if r.Status.Phase != "Holding" && r.Status.Phase != "Reported" {
				t.Errorf("got %s with the steps %s", r.String(), harness.Text(r.Status.Steps))
			}
			for _, step := range r.Status.Steps {
				if step.State != "Succeeded" {
					t.Errorf("%s is %s: %s", step.Action, step.State, step.Message)
				}
			}
			w.Kubectl(t, "", append(sick, "sick-")...)
		})
	}
}

// A server that does not know streaming lists, as those before 1.32: everything is listed, then watched.
func TestAServerWithoutStreamingLists(t *testing.T) {
	w, _ := bare.Get(t)
	lab := newCrashLab(t, w)
	refused := lab.proxy.Add(faultproxy.Rule{
		Match: faultproxy.Match{Predicate: (*faultproxy.Request).IsStreamingList},
		Fault: faultproxy.Fault{Answer: faultproxy.NoStreamingLists()},
	})
	lab.operator(t, "without-streaming-lists")
	const ns = "listed"
	w.Namespace(t, ns)
	w.DaemonSet(t, ns, "d", map[string]string{"sick": "yes"})
	for _, c := range []struct{ name, target, related, trigger string }{
		{"listed-sets", "{apiVersion: apps/v1, kind: StatefulSet, namespaces: [listed]}", "[]", `changed: {expression: object.metadata.labels}`},
		{"listed-deployments", "{apiVersion: apps/v1, kind: Deployment, namespaces: [listed]}",
			`[{name: sets, apiVersion: apps/v1, kind: ReplicaSet, sameNamespace: true, key: "it.metadata.?labels.?app", equals: target.name}]`,
			`match: [{name: joined, expression: related.sets.size() > 5}]`},
		{"listed-pods", "{apiVersion: v1, kind: Pod, namespaces: [listed]}", `[{name: claims, preset: PVCsOfPod}]`,
			`match: [{name: joined, expression: related.claims.size() > 5}]`},
		{"listed-volumes", "{apiVersion: v1, kind: PersistentVolume, all: true}", "[]", `changed: {expression: object.metadata.labels}`},
	} {
		w.ApplyPolicy(t, c.name, ns, fmt.Sprintf(`
spec:
  target: {namespaces: null}
  related: %s
  triggers: [{name: sick, %s}]
  remedies: [{name: cure, steps: [{notify: {}}]}]
  recovery: {healthy: [{name: always, expression: "true"}]}
`, c.related, c.trigger), fmt.Sprintf("spec: {target: %s}", c.target))
	}
	w.Apply(t, harness.NodeMaintenanceCRD)
	w.Kubectl(t, "", "wait", "--for=condition=Established", "crd/nodemaintenances.nodemaintenance.medik8s.io")
	w.ApplyPolicy(t, "listed-nodes", ns, fmt.Sprintf(nodesPolicy, "listed"))
	w.ApplyPolicy(t, "listed-commands", ns, "spec: {target: {namespaces: null}, remedies: [{name: cure, steps: [{nodeCommand: {name: none}}]}]}",
		"spec: {target: {apiVersion: v1, kind: Node, selector: {matchLabels: {host: none}}}}")
	w.Apply(t, `{apiVersion: v1, kind: Node, metadata: {name: listed-drained, labels: {claims: listed-drained}, annotations: {sick: "yes"}}}`)
	t.Cleanup(func() { w.TryKubectl(t, "", "delete", "node", "listed-drained") })
	w.ApplyPolicy(t, "listed-drained", ns, fmt.Sprintf(nodesPolicy, "listed-drained"),
		`spec: {remedies: [{name: label, steps: [{cordon: {}}, {drain: {}}], verify: [{name: done, expression: "true"}]}]}`)
	for _, kind := range []string{"nodemaintenances", "leases", "nodetasks", "persistentvolumes", "csinodes", "volumeattachments",
		"poddisruptionbudgets", "statefulsets"} {
		harness.Eventually(t, kind+" to be listed", harness.Limit, func() (bool, string) {
			lists, err := w.AuditEvents(`"verb":"list"`)
			harness.Must(t, err)
			return slices.ContainsFunc(lists, func(e cluster.AuditEvent) bool {
				return e.User.Username == harness.User && e.ObjectRef != nil && e.ObjectRef.Resource == kind
			}), ""
		})
	}
	w.ApplyPolicy(t, ns, ns)
	awaitCured(t, w, ns, "d")
	if refused.Applied() == 0 {
		t.Error("no streaming list was asked for")
	}
}
