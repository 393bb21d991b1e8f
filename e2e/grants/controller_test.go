package grants

import (
	"net/http"
	"regexp"
	"slices"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kube-remedy/kube-remedy/e2e/faultproxy"
	"github.com/kube-remedy/kube-remedy/e2e/harness"
)

// agentLease is that of an agent that lives.
func agentLease(node string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
		"metadata": map[string]any{"name": "kube-remedy-agent-" + node},
		"spec":     map[string]any{"leaseDurationSeconds": int64(3600), "renewTime": time.Now().UTC().Format("2006-01-02T15:04:05.000000Z")}}}
}

// controller is about what every installation needs: to lead, its own kinds, and Events.
func controller() scenario {
	const budget = `
---
apiVersion: kube-remedy.io/v1alpha1
kind: RemediationBudget
metadata: {name: controller}
spec: {objects: {kinds: [{apiVersion: apps/v1, kind: DaemonSet}], namespaces: [controller]}, maxConcurrent: 5}
`
	cure := `[{setEnv: {container: main, env: [{name: A, value: b}]}}, {patch: {set: [{path: /metadata/labels/sick, remove: true}]}}]`
	var puts atomic.Int64
	s := scenario{name: "controller", roles: []string{"kube-remedy-controller", "kube-remedy-leader-election"},
		world:    apply(workloads),
		policies: []string{"controller", "controller-changed", "controller-hand"},
		texts: []string{policy("controller", "controller", "apps/v1", "DaemonSet", cure, "spec: {history: {succeeded: 1}}") + budget,
			policy("controller-changed", "controller", "apps/v1", "StatefulSet", `[{notify: {}}]`,
				`spec: {triggers: [{name: sick, match: null, changed: {expression: "object.metadata.labels[?'version'].orValue('')"}}]}`),
			policy("controller-hand", "controller", "apps/v1", "Deployment", `[{notify: {}}]`, "spec: {triggers: []}"),
		},
		silent: []string{"get remediations.kube-remedy.io", "create leases.coordination.k8s.io in kube-system", "get leases.coordination.k8s.io in kube-system", "update leases.coordination.k8s.io in kube-system",
			"create events.events.k8s.io", "patch events.events.k8s.io", "delete remediations.kube-remedy.io", "patch remediationpolicies/status.kube-remedy.io",
			"update remediations/status.kube-remedy.io", "create targetbaselines.kube-remedy.io", "update targetbaselines.kube-remedy.io", "delete targetbaselines.kube-remedy.io",
			"patch remediationbudgets/status.kube-remedy.io"},
		// How a Remediation is by now is asked after a conflict.
		rules: []faultproxy.Rule{{Match: faultproxy.Match{Methods: []string{http.MethodPut}, Path: regexp.MustCompile(`/remediations/[^/]+/status`),
			Predicate: func(*faultproxy.Request) bool { return puts.Add(1)%5 == 1 }},
			Fault: faultproxy.Fault{Answer: faultproxy.Conflict()}}},
	}
	sick := func(l *lab) {
		l.Kubectl(l.T, "", "-n", l.name, "label", "--overwrite", "daemonset", "ds", "sick=yes")
	}
	cured := func(l *lab) string {
		return shows("", "{.metadata.labels.sick}", "daemonset", "ds")(l)
	}
	stages := []struct {
		reached func(l *lab) string
		then    func(l *lab)
	}{
		{all(cured, shows("a", "{.items[*].metadata.name}", "targetbaselines"), shows("controller", "{.items[?(@.status.observedGeneration)].metadata.name}", "remediationbudgets"),
			func(l *lab) string {
				if p := l.Policy(l.T, "controller"); p.Condition("Ready").Status != "True" {
					return "controller is not ready"
				}
				return ""
			}),
			func(l *lab) {
				l.Kubectl(l.T, "", "-n", l.name, "label", "statefulset", "set", "version=2")
				l.Kubectl(l.T, "", "remedy", "run", "controller-hand", "deployment/web", "-n", l.name)
				sick(l)
			}},
		{all(cured, some("controller-changed", "was reported", (*harness.Remediation).Final), some("controller-hand", "was done", (*harness.Remediation).Final)), sick},
		// Two of three Remediations are pruned.
		{all(cured, func(l *lab) string {
			if n := len(l.Remediations(l.T, "controller")); n > 2 {
				return "nothing of the history is pruned"
			}
			return ""
		}), sick},
		// What was told twice is a series.
		{all(cured, func(l *lab) string {
			patched := func(w harness.Write) bool { return w.Verb == "patch" }
			if slices.ContainsFunc(l.Writes(l.T, "events", l.name, ""), patched) {
				return ""
			}
			sick(l) // an Event that is written late is made with its series
			return "nothing that was told is told again"
		}),
			func(l *lab) { l.Kubectl(l.T, "", "-n", l.name, "delete", "statefulset", "set") }},
		{shows("", "{.items[*].metadata.name}", "targetbaselines"), nil},
	}
	s.goal = func(l *lab) string {
		for l.stage < len(stages) {
			if left := stages[l.stage].reached(l); left != "" {
				return left
			}
			if stages[l.stage].then != nil {
				stages[l.stage].then(l)
			}
			l.stage++
		}
		return ""
	}
	return s
}
