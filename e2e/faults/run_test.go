package faults

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
)

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

// objects are what the policy works on: %[1]s is the namespace.
const objects = `
apiVersion: v1
kind: ConfigMap
metadata: {name: patient, namespace: %[1]s, annotations: {rounds: "0"}, labels: {role: patient}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: doomed, namespace: %[1]s}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: %[1]s}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: "i"}]}}
---
apiVersion: v1
kind: Pod
metadata: {name: old-1, namespace: %[1]s, labels: {old: "yes"}}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: old-2, namespace: %[1]s, labels: {old: "yes"}}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: evicted, namespace: %[1]s, labels: {evict: "yes"}}
spec: {containers: [{name: c, image: i}]}
`

// policy has each action that writes; what is counted shows how often it was done.
const policy = `
apiVersion: kube-remedy.io/v1alpha1
kind: RemediationPolicy
metadata: {name: %[1]s}
spec:
  target: {apiVersion: v1, kind: ConfigMap, namespaces: [%[1]s], selector: {matchLabels: {role: patient}}}
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
    - apply:
        object: {apiVersion: v1, kind: ConfigMap, metadata: {name: made}, data: {a: "1"}}
        set: [{path: /metadata/namespace, expression: target.namespace}]
    - patch:
        set: [{path: /metadata/annotations/rounds, expression: string(int(object.metadata.annotations.rounds) + 1)}]
    - patch:
        type: JSON
        operations: [{op: add, path: /data, value: {added: "once"}}]
    - rolloutRestart: {}
      applyTo: {ref: {apiVersion: apps/v1, kind: Deployment, name: web}}
    - setEnv: {container: c, env: [{name: SET, value: "1"}]}
      applyTo: {ref: {apiVersion: apps/v1, kind: Deployment, name: web}}
    - scale: {replicasExpression: it.spec.replicas * 2}
      applyTo: {ref: {apiVersion: apps/v1, kind: Deployment, name: web}}
    - deletePod: {mode: Delete, gracePeriodSeconds: 1}
      applyTo: {related: old, orderBy: it.metadata.name}
    - deletePod: {mode: Evict}
      applyTo: {related: evict}
    - delete: {}
      applyTo: {ref: {apiVersion: v1, kind: ConfigMap, name: doomed}}
    - patch: {set: [{path: /metadata/annotations/sick, remove: true}]}
    verify:
    - {name: marked-no-more, expression: "object.metadata.?annotations.?sick.orValue('') == ''"}
  recovery: {stableFor: 0s}
  limits: {maxUnhealthy: 100%%}
`

// A run is one remediation in a namespace of its own, under a policy of the same name.
type run struct {
	*testing.T
	w  *harness.World
	ns string
}

func newRun(t *testing.T, w *harness.World, ns string) *run {
	t.Helper()
	r := &run{t, w, w.Namespace(t, ns)}
	w.Apply(t, fmt.Sprintf(objects, ns))
	w.Apply(t, fmt.Sprintf(policy, ns))
	w.DeleteAtEnd(t, ns)
	w.AwaitCondition(t, ns, "Ready", "True", "Ready")
	return r
}

func (r *run) begin() {
	r.w.Kubectl(r, "", "-n", r.ns, "annotate", "configmap", "patient", "sick=yes")
}

func (r *run) end() {
	r.w.AwaitPhase(r, r.ns, "Succeeded")
}

// concerns tells the writes that the run's remediation consists of. Events and the policy's status are not among them.
func (r *run) concerns(uri string, body []byte) bool {
	if strings.Contains(uri, "/events") || strings.Contains(uri, "/remediationpolicies/") {
		return false
	}
	if strings.Contains(uri, "/remediations/"+r.ns+"-patient-") || strings.Contains(uri, "/namespaces/"+r.ns+"/") {
		return true
	}
	return strings.Contains(uri, "/remediations?") && strings.Contains(string(body), `"`+r.ns+`"`)
}

// outcome is what is there in the end, and what the operator made and deleted on the way.
func (r *run) outcome() string {
	r.Helper()
	var lines []string
	for _, kind := range []string{"configmaps", "deployments", "pods"} {
		var list struct{ Items []map[string]any }
		harness.Decode(r, []byte(r.w.Kubectl(r, "", "-n", r.ns, "get", kind, "-o", "json")), &list)
		for _, object := range list.Items {
			metadata := object["metadata"].(map[string]any)
			if metadata["name"] == "kube-root-ca.crt" || metadata["ownerReferences"] != nil {
				continue
			}
			text, err := json.Marshal(map[string]any{
				"name": metadata["name"], "rounds": field(metadata, "annotations", "rounds"), "sick": field(metadata, "annotations", "sick"),
				"data": object["data"], "replicas": field(object, "spec", "replicas"),
				"env":       field(object, "spec", "template", "spec", "containers"),
				"restarted": field(object, "spec", "template", "metadata", "annotations") != nil,
			})
			harness.Must(r, err)
			lines = append(lines, kind+" "+string(text))
		}
	}
	for _, resource := range []string{"configmaps", "pods", "deployments"} {
		for _, write := range r.w.Writes(r, resource, r.ns, "") {
			if !write.DryRun && (write.Verb == "create" || write.Verb == "delete") {
				lines = append(lines, fmt.Sprintf("%s %s/%s %s", write.Verb, resource, write.ObjectRef.Name, write.ObjectRef.Subresource))
			}
		}
	}
	lines = append(lines, fmt.Sprintf("%d Remediations", len(r.w.Remediations(r, r.ns))))
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// field is what stands at a path, nil when nothing does.
func field(object map[string]any, path ...string) any {
	for _, name := range path[:len(path)-1] {
		object, _ = object[name].(map[string]any)
	}
	return object[path[len(path)-1]]
}
