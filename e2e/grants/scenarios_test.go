package grants

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
	"github.com/kube-remedy/kube-remedy/e2e/fakecloud"
	"github.com/kube-remedy/kube-remedy/e2e/faultproxy"
	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

var noStreamingLists = faultproxy.Rule{
	Match: faultproxy.Match{Predicate: (*faultproxy.Request).IsStreamingList},
	Fault: faultproxy.Fault{Answer: faultproxy.NoStreamingLists()},
}

// policy is one about what has the label scenario=NAME and says sick=yes.
func policy(name, scenario, apiVersion, kind, steps string, more ...string) string {
	text, err := harness.Merge(fmt.Sprintf(`
apiVersion: kube-remedy.io/v1alpha1
kind: RemediationPolicy
metadata: {name: %s}
spec:
  target: {apiVersion: %s, kind: %s, selector: {matchLabels: {scenario: %s}}}
  triggers: [{name: sick, match: [{name: sick, expression: "object.metadata.labels[?'sick'].orValue('') == 'yes'"}]}]
  remedies:
  - {name: cure, steps: %s, verify: [{name: at-once, expression: "true"}]}
  recovery: {stableFor: 0s, healthy: [{name: always, expression: "true"}]}
  limits: {maxUnhealthy: 100%%, maxConcurrent: 100%%, cooldown: 0s}
`, name, apiVersion, kind, scenario, steps), more...)
	if err != nil {
		panic(err)
	}
	return text
}

// The kinds of a world; each object is sick.
const (
	podTemplate = `template: {metadata: {labels: {app: %[1]s, scenario: %[1]s, sick: "yes"}}, spec: {nodeSelector: {no-such: node}, containers: [{name: main, image: i}]}}`
	workloads   = `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: ds, namespace: %[1]s, labels: {scenario: %[1]s, sick: "yes"}}
spec: {selector: {matchLabels: {app: %[1]s}}, ` + podTemplate + `}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: %[1]s, labels: {scenario: %[1]s, sick: "yes"}}
spec: {replicas: 1, selector: {matchLabels: {app: %[1]s}}, ` + podTemplate + `}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: set, namespace: %[1]s, labels: {scenario: %[1]s, sick: "yes"}}
spec: {replicas: 1, serviceName: set, selector: {matchLabels: {app: %[1]s}}, ` + podTemplate + `}
`
	pods = `
apiVersion: v1
kind: ReplicationController
metadata: {name: ancient, namespace: %[1]s}
spec: {replicas: 1, selector: {of: ancient}, template: {metadata: {labels: {of: ancient, scenario: %[1]s, sick: "yes"}}, spec: {nodeSelector: {no-such: node}, containers: [{name: main, image: i}]}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: batch, namespace: %[1]s}
spec: {template: {metadata: {labels: {scenario: %[1]s, sick: "yes"}}, spec: {restartPolicy: Never, nodeSelector: {no-such: node}, containers: [{name: main, image: i}]}}}
`
	// hollow is a node that nobody looks after: it has fallen silent.
	hollow = `
apiVersion: v1
kind: Node
metadata: {name: %[1]s, labels: {scenario: %[1]s, sick: "yes"}}
`
)

func apply(text string) func(l *lab) {
	return func(l *lab) {
		l.Apply(l.T, fmt.Sprintf(text, l.name))
		if strings.Contains(text, "kind: Node\n") {
			l.Cleanup(func() {
				_ = l.Client.CoreV1().Nodes().Delete(context.WithoutCancel(l.Context()), l.name, metav1.DeleteOptions{})
			})
		}
	}
}

// node is one that kwok looks after.
func node(l *lab) {
	l.Node(l.T, l.name, "z")
	l.Kubectl(l.T, "", "label", "node", l.name, "scenario="+l.name, "sick=yes")
	l.AwaitSchedulable(l.T, l.name)
}

// onWorkloads is a policy for each of some kinds.
func onWorkloads(role, name, steps string, kinds ...string) scenario {
	s := scenario{name: name, roles: []string{role}, world: apply(workloads)}
	for _, kind := range kinds {
		each := name + "-" + strings.ToLower(kind)
		s.policies = append(s.policies, each)
		s.texts = append(s.texts, policy(each, name, "apps/v1", kind, steps))
	}
	return s
}

// onNode is one policy for a node.
func onNode(role, name, steps string, world func(l *lab), more ...string) scenario {
	return scenario{name: name, roles: []string{role}, world: world, policies: []string{name},
		texts: []string{policy(name, name, "v1", "Node", steps, more...)}}
}

// machines is a webhook that switches every node off.
func machines(l *lab) {
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		var call struct{ Fencing map[string]any }
		body, _ := io.ReadAll(in.Body)
		if json.Unmarshal(body, &call) != nil || call.Fencing == nil {
			call.Fencing = map[string]any{}
		}
		call.Fencing["state"], call.Fencing["heldOff"] = "Off", true
		_ = json.NewEncoder(out).Encode(map[string]any{"evidence": map[string]any{"fencing": call.Fencing}})
	}))
	l.Cleanup(server.Close)
	l.Apply(l.T, fmt.Sprintf(`{apiVersion: v1, kind: Secret, metadata: {name: kube-remedy-webhook-machines, namespace: kube-remedy}, stringData: {url: %q, hmac-key: "0123456789abcdef"}}`, server.URL))
}

// silent makes a node that has fallen silent, in a world with the machines.
func silent(l *lab) {
	machines(l)
	apply(hollow)(l)
	l.Kubectl(l.T, "", "patch", "node", l.name, "--subresource=status", "--type=merge", "-p",
		`{"status":{"nodeInfo":{"bootID":"b"},"conditions":[{"type":"Ready","status":"Unknown","reason":"NodeStatusUnknown","lastHeartbeatTime":"2026-01-01T00:00:00Z","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}`)
	l.Apply(l.T, fmt.Sprintf(`{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: %s, namespace: kube-node-lease}, spec: {holderIdentity: %[1]s, leaseDurationSeconds: 40, renewTime: "2026-01-01T00:00:00.000000Z"}}`, l.name))
}

const conditionsOf = "{.status.conditions[*].type}"

func scenarios() []scenario {
	maintained := func(name string) func(l *lab) string {
		return shows("MaintenanceInProgress", conditionsOf, "node", name)
	}
	held := func(s scenario) scenario {
		s.goal, s.silent = all((*lab).treated, maintained(s.name)), []string{"patch nodes/status"}
		return s
	}
	out := []scenario{
		controller(),
		onWorkloads("kube-remedy-action-set-env", "set-env", `[{setEnv: {container: main, env: [{name: A, value: b}]}}]`, "DaemonSet", "Deployment", "StatefulSet"),
		onWorkloads("kube-remedy-action-patch", "patch", `[{patch: {patch: {metadata: {annotations: {a: b}}}}}]`, "DaemonSet", "Deployment", "StatefulSet"),
		onWorkloads("kube-remedy-action-rollout-restart", "rollout-restart", `[{rolloutRestart: {}}]`, "DaemonSet", "Deployment", "StatefulSet"),
		onWorkloads("kube-remedy-action-scale", "scale", `[{scale: {replicas: 2}}]`, "Deployment", "StatefulSet"),
		onWorkloads("kube-remedy-watch-workloads", "watch-workloads", `[{notify: {}}]`, "DaemonSet", "Deployment", "StatefulSet", "ReplicaSet"),
		applies(),
		held(onNode("kube-remedy-action-cordon", "cordon", `[{cordon: {}}]`, node)),
		held(onNode("kube-remedy-action-uncordon", "uncordon", `[{cordon: {}}, {uncordon: {}}]`, node)),
		held(onNode("kube-remedy-action-untaint", "untaint", `[{taint: {key: a.b/c, effect: NoSchedule}}, {untaint: {key: a.b/c}}]`, node)),
		taints(),
		drains(),
		nodeCommands(),
		recreations(),
		onNode("kube-remedy-action-webhook", "webhook", `[{webhook: {name: machines}}]`, silent),
		{name: "delete", roles: []string{"kube-remedy-action-delete"}, policies: []string{"delete"},
			world: apply(workloads + "---\napiVersion: batch/v1\nkind: Job\nmetadata: {name: old, namespace: %[1]s}\nspec: {suspend: true, template: {spec: {restartPolicy: Never, containers: [{name: main, image: i}]}}}\n"),
			texts: []string{policy("delete", "delete", "apps/v1", "DaemonSet", `[{delete: {}, applyTo: {ref: {apiVersion: batch/v1, kind: Job, name: old}}}]`)}},
		{name: "delete-pod", roles: []string{"kube-remedy-action-delete-pod"}, policies: []string{"delete-pod"},
			world: apply(workloads + "---\n{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: %[1]s}, spec: {schedulerName: none, containers: [{name: c, image: i}]}}\n" +
				"---\n{apiVersion: v1, kind: Pod, metadata: {name: b, namespace: %[1]s}, spec: {schedulerName: none, containers: [{name: c, image: i}]}}\n"),
			texts: []string{policy("delete-pod", "delete-pod", "apps/v1", "DaemonSet", `[
			  {deletePod: {mode: Evict}, applyTo: {ref: {apiVersion: v1, kind: Pod, name: a}}},
			  {deletePod: {mode: Delete}, applyTo: {ref: {apiVersion: v1, kind: Pod, name: b}}}]`)}},
		{name: "watch-pods", roles: []string{"kube-remedy-watch-pods"}, policies: []string{"watch-pods"},
			world: apply(workloads + "---" + pods), texts: []string{policy("watch-pods", "watch-pods", "v1", "Pod", `[{notify: {}}]`)},
			goal: treatedEach("watch-pods", "ancient-", "batch-", "web-")},
		{name: "watch-pod-surroundings", roles: []string{"kube-remedy-watch-pod-surroundings"}, policies: []string{"watch-pod-surroundings"},
			world: apply(pods), texts: []string{policy("watch-pod-surroundings", "watch-pod-surroundings", "v1", "Pod", `[{notify: {}}]`,
				`spec: {related: [{name: claims, preset: PVCsOfPod}, {name: budgets, preset: PDBsOfPod}], triggers: [{name: sick, match: [{name: s, expression: "related.claims.size() + related.budgets.size() >= 0"}]}]}`)}},
		{name: "watch-services", roles: []string{"kube-remedy-watch-services"}, policies: []string{"watch-services"},
			world: apply(`{apiVersion: v1, kind: Service, metadata: {name: svc, namespace: %[1]s, labels: {scenario: %[1]s}}, spec: {selector: {app: none}, ports: [{port: 80}]}}`),
			texts: []string{policy("watch-services", "watch-services", "v1", "Service", `[{notify: {}}]`,
				`spec: {related: [{name: slices, preset: EndpointSlicesOfService}], triggers: [{name: sick, match: [{name: s, expression: related.slices.size() >= 0}]}]}`)}},
		{name: "watch-namespaces", roles: []string{"kube-remedy-watch-namespaces"}, policies: []string{"watch-namespaces"},
			world: func(l *lab) { l.Kubectl(l.T, "", "label", "namespace", l.name, "scenario="+l.name, "sick=yes") },
			texts: []string{policy("watch-namespaces", "watch-namespaces", "v1", "Namespace", `[{notify: {}}]`)}},
		{name: "watch-events", roles: []string{"kube-remedy-watch-events"}, policies: []string{"watch-events"}, world: apply(workloads),
			texts: []string{policy("watch-events", "watch-events", "apps/v1", "DaemonSet", `[{notify: {}}]`,
				`spec: {events: [{name: any, within: 1h}], triggers: [{name: sick, events: {from: any, count: 1}, match: [{name: also, expression: object.metadata.labels.sick == 'yes'}]}]}`)},
			goal: all(happens, (*lab).treated)},
		onNode("kube-remedy-watch-nodes", "watch-nodes", `[{notify: {}}]`, silent,
			`spec: {triggers: [{name: sick, for: 0s, lease: {state: Stale, after: 1s}, condition: {type: Ready, status: [Unknown]}}], recovery: {healthy: null}}`),
		onNode("kube-remedy-watch-claims", "watch-claims", `[{cordon: {}}]`, node),
		onNode("kube-remedy-action-delete-node", "delete-node", `[{webhook: {name: machines}}, {deleteNode: {}}]`, silent),
		{name: "read-params", roles: []string{"kube-remedy-read-params"}, policies: []string{"read-params"},
			world: apply(workloads + "---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: site, namespace: %[1]s}, data: {count: '3'}}\n"),
			texts: []string{policy("read-params", "read-params", "apps/v1", "DaemonSet", `[{notify: {}}]`,
				`spec: {params: [{name: count, type: integer}], paramRef: {kind: ConfigMap, namespace: read-params, name: site}, triggers: [{name: sick, match: [{name: s, expression: params.count == 3}]}]}`)}},
	}
	return out
}

// treatedEach wants a Remediation of a target with each of these beginnings.
func treatedEach(policy string, prefixes ...string) func(l *lab) string {
	return func(l *lab) string {
		for _, prefix := range prefixes {
			found := false
			for _, r := range l.Remediations(l.T, policy) {
				found = found || strings.HasPrefix(r.Spec.TargetRef.Name, prefix) && (r.Status.Phase == "Reported" || r.Status.Phase == "Holding")
			}
			if !found {
				return "no pod of " + prefix + " was reported"
			}
		}
		return ""
	}
}

// happens makes an Event about the DaemonSet, now.
func happens(l *lab) string {
	l.stage++
	if l.stage%20 != 1 {
		return ""
	}
	ds := l.GetDaemonSet(l.T, l.name, "ds")
	_, err := l.Client.CoreV1().Events(l.name).Create(l.Context(), &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{GenerateName: "e-", Namespace: l.name},
		InvolvedObject: corev1.ObjectReference{APIVersion: "apps/v1", Kind: "DaemonSet", Namespace: l.name, Name: "ds", UID: ds.UID},
		Type:           "Warning", Reason: "Any", FirstTimestamp: metav1.Now(), LastTimestamp: metav1.Now(), Count: 1}, metav1.CreateOptions{})
	harness.Must(l.T, err)
	return ""
}

// applies makes objects of each kind, and takes one back.
func applies() scenario {
	step := func(apiVersion, kind, rest string) string {
		return fmt.Sprintf(`{apply: {object: {apiVersion: %s, kind: %s, metadata: {name: made}, %s}}}`, apiVersion, kind, rest)
	}
	made := `[` + step("v1", "ConfigMap", "data: {a: b}") + `, ` + step("v1", "LimitRange", `spec: {limits: [{type: Pod, max: {cpu: "8"}}]}`) + `, ` +
		step("batch/v1", "Job", `spec: {suspend: true, template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}`) + `]`
	return scenario{name: "apply", roles: []string{"kube-remedy-action-apply"}, world: apply(workloads), policies: []string{"apply", "apply-back"},
		texts: []string{policy("apply", "apply", "apps/v1", "DaemonSet", made),
			policy("apply-back", "apply", "apps/v1", "StatefulSet", `[{apply: {object: {apiVersion: v1, kind: ConfigMap, metadata: {name: undone}}}},
			  {waitFor: {expression: "false", timeout: 1s}, onFailure: Rollback}]`)},
		// What could not be taken back is no reason to begin anew.
		again: func(l *lab) {
			_ = l.Client.CoreV1().ConfigMaps(l.name).Delete(l.Context(), "undone", metav1.DeleteOptions{})
		},
		goal: func(l *lab) string {
			for _, r := range l.Remediations(l.T, "apply") {
				if r.Status.Phase != "Holding" {
					continue
				}
				if !l.deleted("configmaps/undone") {
					return "what was made is not taken back" // or we were faster
				}
				return some("apply-back", "was taken back", func(r *harness.Remediation) bool {
					return r.Final() && len(r.Status.Steps) > 0 && r.Status.Steps[0].State == "RolledBack"
				})(l)
			}
			return "not all is made"
		}}
}

// deleted tells whether the operator has deleted such an object in the namespace of the scenario.
func (l *lab) deleted(object string) bool {
	events, err := l.AuditEvents("/namespaces/" + l.name + "/" + object)
	harness.Must(l.T, err)
	return slices.ContainsFunc(events, func(e cluster.AuditEvent) bool {
		return e.Verb == "delete" && e.User.Username == harness.User && e.ResponseStatus != nil && e.ResponseStatus.Code == 200
	})
}

// taints proves first that the node is off, and gives it back when it is well.
func taints() scenario {
	s := onNode("kube-remedy-action-taint", "taint", `[{webhook: {name: machines}}, {taint: {key: node.kubernetes.io/out-of-service, value: nodeshutdown, effect: NoExecute}}]`, silent)
	s.silent = []string{"patch nodes/status"}
	s.goal = func(l *lab) string {
		if l.stage == 0 {
			if left := all((*lab).treated, shows("MaintenanceInProgress", conditionsOf, "node", "taint"))(l); left != "" {
				return left
			}
			l.Kubectl(l.T, "", "label", "--overwrite", "node", "taint", "sick=no")
			l.stage++
		}
		return shows("", "{.spec.taints[?(@.key=='node.kubernetes.io/out-of-service')].value}", "node", "taint")(l)
	}
	return s
}

// drains empties a node of a pod that may go, one that a budget holds until time is up, and one of a DaemonSet.
func drains() scenario {
	const things = `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agents, namespace: drain}
spec: {selector: {matchLabels: {app: agents}}, template: {metadata: {labels: {app: agents}}, spec: {nodeSelector: {scenario: drain}, tolerations: [{operator: Exists}], containers: [{name: main, image: i}]}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: free, namespace: drain}, spec: {nodeName: drain, containers: [{name: c, image: i}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: kept, namespace: drain, labels: {app: kept}}, spec: {nodeName: drain, containers: [{name: c, image: i}]}}
---
{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: kept, namespace: drain}, spec: {minAvailable: 1, selector: {matchLabels: {app: kept}}}}
`
	s := onNode("kube-remedy-action-drain", "drain", `[{cordon: {}}, {drain: {timeout: 3s, onTimeout: DeletePods, unmanaged: Evict}}]`, func(l *lab) {
		l.Node(l.T, "elsewhere", "z")
		node(l)
		l.Apply(l.T, things)
		l.AwaitReadyPods(l.T, l.name, 3)
	})
	s.goal = all((*lab).treated, shows("", "{.metadata.name}", "pod", "kept"))
	const owners = "tests/reconcilers/remediation/drain_owners_test.cc: asked of owners whose pod was evicted five minutes ago and not replaced"
	s.elsewhere = map[string]string{"get replicasets.apps": owners, "get replicationcontrollers": owners}
	return s
}

// nodeCommands orders a command that no Job begins, and one that no agent begins: both are withdrawn.
func nodeCommands() scenario {
	const command = `
apiVersion: kube-remedy.io/v1alpha1
kind: NodeCommand
metadata: {name: restart-host}
spec: {reboots: true, commands: [{argv: [/bin/true], timeout: 10s}]}
---
{apiVersion: v1, kind: Pod, metadata: {name: self, namespace: kube-remedy}, spec: {schedulerName: none, securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}},
  containers: [{name: c, image: registry.local/kube-remedy:test, securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}]}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: node-command}
spec: {replicas: 1, serviceName: db, selector: {matchLabels: {app: db}}, template: {metadata: {labels: {app: db}}, spec: {nodeSelector: {scenario: node-command}, containers: [{name: main, image: i}]}}}
`
	step := func(via string) string {
		return `[{nodeCommand: {name: restart-host, startDeadline: 2s, via: ` + via + `}}]`
	}
	s := scenario{name: "node-command", roles: []string{"kube-remedy-action-node-command", "kube-remedy-own-pod"},
		policies: []string{"node-command", "node-command-agent"}, env: []string{"POD_NAME=self", "POD_NAMESPACE=" + operator.Namespace},
		texts: []string{policy("node-command", "node-command", "v1", "Node", step("Job")), policy("node-command-agent", "node-command-agent", "v1", "Node", step("Agent"))}}
	s.world = func(l *lab) {
		node(l)
		l.Node(l.T, "node-command-agent", "z")
		l.Kubectl(l.T, "", "label", "node", "node-command-agent", "scenario=node-command-agent", "sick=yes")
		for _, n := range []string{"node-command", "node-command-agent"} {
			l.Kubectl(l.T, "", "patch", "node", n, "--subresource=status", "--type=merge", "-p", `{"status":{"nodeInfo":{"bootID":"b","systemUUID":"s"}}}`)
		}
		l.Apply(l.T, command)
		l.AwaitReadyPods(l.T, l.name, 1)
		lease := agentLease("node-command-agent")
		_, err := l.AsToken(l.T, l.NodeToken(l.T, "node-command-agent")).Resource(harness.Leases).Namespace(harness.NodeNamespace).Create(l.Context(), lease, metav1.CreateOptions{})
		harness.Must(l.T, err)
	}
	failed := func(policy string) func(l *lab) string {
		return some(policy, "was withdrawn", func(r *harness.Remediation) bool {
			return len(r.Status.Steps) > 0 && strings.Contains(r.Status.Steps[0].Message, "NotStarted")
		})
	}
	s.goal = func(l *lab) string {
		if left := all(failed("node-command"), failed("node-command-agent"))(l); left != "" {
			return left
		}
		out := l.Kubectl(l.T, "", "-n", harness.NodeNamespace, "get", "jobs", "-o", "name")
		for _, r := range l.Remediations(l.T, "node-command") {
			if !r.Final() {
				out = ""
			}
		}
		tasks := l.Kubectl(l.T, "", "get", "nodetasks", "-o", "jsonpath={.items[*].spec.nodeName}")
		if out != "" || strings.Contains(tasks, "node-command-agent") {
			return "left behind: " + out + tasks
		}
		return ""
	}
	return s
}

// recreations give two Services new load balancers, one by its type, one deleted and made again.
func recreations() scenario {
	const services = `
{apiVersion: v1, kind: Service, metadata: {name: flip, namespace: recreate, labels: {scenario: recreate-flip, sick: "yes"}}, spec: {type: LoadBalancer, loadBalancerClass: cloud.example/grants, selector: {app: a}, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: anew, namespace: recreate, labels: {scenario: recreate-anew, sick: "yes"}}, spec: {type: LoadBalancer, loadBalancerClass: cloud.example/grants, selector: {app: a}, ports: [{port: 80}]}}
`
	s := scenario{name: "recreate", roles: []string{"kube-remedy-action-recreate-service"}, policies: []string{"recreate-flip", "recreate-anew"}}
	for name, strategy := range map[string]string{"recreate-flip": "TypeFlip", "recreate-anew": "DeleteCreate"} {
		s.texts = append(s.texts, policy(name, name, "v1", "Service", `[{recreateService: {addressStableFor: 0s, strategy: `+strategy+`}}]`))
	}
	s.world = func(l *lab) {
		cloud, err := fakecloud.Start(l.Context(), fakecloud.Options{Client: l.Client, Class: "cloud.example/grants"})
		harness.Must(l.T, err)
		l.Cleanup(cloud.Stop)
		l.Apply(l.T, services)
		for _, name := range []string{"flip", "anew"} {
			harness.Eventually(l.T, "an address", harness.Limit, func() (bool, string) {
				out := l.Kubectl(l.T, "", "-n", l.name, "get", "service", name, "-o", "jsonpath={.status.loadBalancer.ingress[*].ip}")
				return out != "", out
			})
		}
	}
	return s
}
