package harness

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
)

// A grant is one thing that RBAC lets somebody do.
type grant struct{ verb, group, resource string } // resource with its subresource: "pods/eviction"

func (g grant) String() string { return fmt.Sprintf("%s %s.%s", g.verb, g.resource, g.group) }

// used is what operators of all worlds of this process were let do.
var used = struct {
	sync.Mutex
	grants map[grant]bool
}{grants: map[grant]bool{}}

// noteUsage remembers what the operators of a world have done, from its audit log.
func noteUsage(events []cluster.AuditEvent) {
	used.Lock()
	defer used.Unlock()
	for _, e := range events {
		if e.User.Username != User || e.ObjectRef == nil || e.ResponseStatus == nil || e.ResponseStatus.Code == 403 {
			continue
		}
		resource := e.ObjectRef.Resource
		if e.ObjectRef.Subresource != "" {
			resource += "/" + e.ObjectRef.Subresource
		}
		used.grants[grant{e.Verb, e.ObjectRef.APIGroup, resource}] = true
		if e.Verb == "patch" && e.ResponseStatus.Code == 201 { // server-side apply asks for this right too
			used.grants[grant{"create", e.ObjectRef.APIGroup, resource}] = true
		}
	}
}

// UnusedGrants are those of the operator's shipped roles (as `kubectl kustomize config/rbac` prints them) that no
// operator of this process made use of: without them nothing of what was tested would fail. "role: verb resource".
func UnusedGrants(roles string) ([]string, error) {
	used.Lock()
	defer used.Unlock()
	unused := map[string]bool{}
	for _, document := range strings.Split(roles, "\n---\n") {
		var role rbacv1.ClusterRole
		if err := yaml.Unmarshal([]byte(document), &role); err != nil {
			return nil, err
		}
		if !strings.HasSuffix(role.Kind, "Role") || !boundToOperator(&role) {
			continue
		}
		for _, rule := range role.Rules {
			for _, g := range grants(rule) {
				if !used.grants[g] {
					unused[role.Name+": "+g.String()] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(unused)), nil
}

// boundToOperator tells the operator's own roles from those that are for people.
func boundToOperator(role *rbacv1.ClusterRole) bool {
	return role.Labels["kube-remedy.io/aggregate-to-controller"] == "true" || role.Name == "kube-remedy-controller" ||
		role.Name == "kube-remedy-leader-election" || role.Name == "kube-remedy-action-webhook"
}

func grants(rule rbacv1.PolicyRule) []grant {
	var all []grant
	for _, group := range rule.APIGroups {
		for _, resource := range rule.Resources {
			for _, verb := range rule.Verbs {
				all = append(all, grant{verb, group, resource})
			}
		}
	}
	return all
}
