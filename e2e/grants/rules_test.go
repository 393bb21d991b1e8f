package grants

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

// A rule is the least that can be granted: one verb on one resource (with its subresource: "pods/eviction").
type rule struct {
	verb, group, resource string
	names                 string // the only ones, as "a,b"; "" for all
	namespace             string // of a Role; "" for everywhere
}

// request is what it allows, in the words of the operator's messages.
func (r rule) request() string {
	text := r.verb + " " + r.resource
	if r.group != "" {
		text += "." + r.group
	}
	return text
}

func (r rule) String() string {
	text := r.request()
	if r.namespace != "" {
		text += " in " + r.namespace
	}
	return text
}

// same tells rules about the same requests, wherever and of whatever name.
func (r rule) same(o rule) bool {
	return r.verb == o.verb && r.group == o.group && r.resource == o.resource
}

// A shelf holds the operator's shipped rules, by the name of their role.
type shelf map[string][]rule

// shippedRoles are all that config/local binds the operator to.
func shippedRoles(t *testing.T) shelf {
	t.Helper()
	folder, err := operator.Manifests("config/local")
	harness.Must(t, err)
	text, err := operator.Kubectl(t.Context(), "", nil, "kustomize", folder)
	harness.Must(t, err)
	var roles []rbacv1.ClusterRole
	bound := map[string]bool{} // kind, namespace and name
	key := func(kind, namespace, name string) string { return kind + "/" + namespace + "/" + name }
	for _, document := range strings.Split(text, "\n---\n") {
		var kind metav1.TypeMeta
		harness.Must(t, yaml.Unmarshal([]byte(document), &kind))
		switch kind.Kind {
		case "Role", "ClusterRole":
			var role rbacv1.ClusterRole
			harness.Must(t, yaml.Unmarshal([]byte(document), &role))
			roles = append(roles, role)
		case "RoleBinding", "ClusterRoleBinding":
			var binding rbacv1.RoleBinding
			harness.Must(t, yaml.Unmarshal([]byte(document), &binding))
			if slices.ContainsFunc(binding.Subjects, func(s rbacv1.Subject) bool {
				return s.Name == operator.ServiceAccount && s.Namespace == operator.Namespace
			}) {
				bound[key(binding.RoleRef.Kind, binding.Namespace, binding.RoleRef.Name)] = true
			}
		}
	}
	shipped := shelf{}
	for _, role := range roles {
		if role.Labels["kube-remedy.io/aggregate-to-controller"] != "true" && !bound[key(role.Kind, role.Namespace, role.Name)] {
			continue
		}
		for _, r := range role.Rules {
			for _, group := range r.APIGroups {
				for _, resource := range r.Resources {
					for _, verb := range r.Verbs {
						shipped[role.Name] = append(shipped[role.Name],
							rule{verb, group, resource, strings.Join(r.ResourceNames, ","), role.Namespace})
					}
				}
			}
		}
	}
	return shipped
}

// takeAway unbinds the operator from everything, and binds it to what give says from now on.
func takeAway(t *testing.T, w *harness.World) {
	t.Helper()
	w.Kubectl(t, "", "delete", "clusterrolebinding", "kube-remedy-controller", "kube-remedy-actions")
	for namespace, names := range map[string][]string{
		"kube-system":         {"kube-remedy-leader-election"},
		operator.Namespace:    {"kube-remedy-action-webhook", "kube-remedy-own-pod"},
		harness.NodeNamespace: {"kube-remedy-action-node-command"},
	} {
		w.Kubectl(t, "", append([]string{"-n", namespace, "delete", "rolebinding"}, names...)...)
		w.Apply(t, fmt.Sprintf(`
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: given, namespace: %[1]s}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: given, namespace: %[1]s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: given}
subjects: [{kind: ServiceAccount, name: kube-remedy, namespace: kube-remedy}]
`, namespace))
	}
	w.Apply(t, `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: given}
rules: []
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: given}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: given}
subjects: [{kind: ServiceAccount, name: kube-remedy, namespace: kube-remedy}]
`)
}

// give makes these the operator's rights, and no others. The API server hears of it within moments.
func give(t *testing.T, w *harness.World, rules map[rule]bool) {
	t.Helper()
	ctx := t.Context()
	by := map[string][]rbacv1.PolicyRule{"kube-system": nil, operator.Namespace: nil, harness.NodeNamespace: nil, "": nil}
	for r := range rules {
		policy := rbacv1.PolicyRule{Verbs: []string{r.verb}, APIGroups: []string{r.group}, Resources: []string{r.resource}}
		if r.names != "" {
			policy.ResourceNames = strings.Split(r.names, ",")
		}
		by[r.namespace] = append(by[r.namespace], policy)
	}
	api := w.Client.RbacV1()
	for namespace, policies := range by {
		meta := metav1.ObjectMeta{Name: "given", Namespace: namespace}
		var err error
		if namespace == "" {
			_, err = api.ClusterRoles().Update(ctx, &rbacv1.ClusterRole{ObjectMeta: meta, Rules: policies}, metav1.UpdateOptions{})
		} else {
			_, err = api.Roles(namespace).Update(ctx, &rbacv1.Role{ObjectMeta: meta, Rules: policies}, metav1.UpdateOptions{})
		}
		harness.Must(t, err)
	}
	time.Sleep(100 * time.Millisecond) // nothing says when the authorizer has seen it; a denial more costs nothing
}

// A denial is a request that was not allowed.
type denial struct {
	rule
	in string // the namespace
}

var forbidden = regexp.MustCompile(`cannot ([a-z]+) resource "([^"]+)" in API group "([^"]*)"(?: in the namespace "([^"]+)")?`)

// denialsIn are those that a text tells of in the words of the API server.
func denialsIn(text string) (found []denial) {
	for _, m := range forbidden.FindAllStringSubmatch(strings.ReplaceAll(text, `\"`, `"`), -1) {
		found = append(found, denial{rule{verb: m[1], resource: m[2], group: m[3]}, m[4]})
	}
	return found
}

// denied are all since a moment, from the audit log: told or not.
func denied(t *testing.T, w *harness.World, since time.Time) (found []denial) {
	t.Helper()
	events, err := w.AuditEvents(`"code":403`)
	harness.Must(t, err)
	for _, e := range events {
		if e.User.Username != harness.User || e.ObjectRef == nil || e.RequestReceivedTimestamp.Before(since) {
			continue
		}
		resource := e.ObjectRef.Resource
		if e.ObjectRef.Subresource != "" {
			resource += "/" + e.ObjectRef.Subresource
		}
		found = append(found, denial{rule{verb: e.Verb, group: e.ObjectRef.APIGroup, resource: resource}, e.ObjectRef.Namespace})
	}
	return found
}

// forget removes what the operator has made, so that the next one finds nothing to go on with.
func forget(w *harness.World, policies []string) {
	ctx := context.Background()
	for _, name := range policies {
		_ = w.Dynamic.Resource(harness.Policies).Delete(ctx, name, metav1.DeleteOptions{})
	}
	list, err := w.Dynamic.Resource(harness.Remediations).List(ctx, metav1.ListOptions{})
	if err != nil {
		return
	}
	for i := range list.Items {
		_, _ = w.Dynamic.Resource(harness.Remediations).Patch(ctx, list.Items[i].GetName(), "application/merge-patch+json",
			[]byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
		_ = w.Dynamic.Resource(harness.Remediations).Delete(ctx, list.Items[i].GetName(), metav1.DeleteOptions{})
	}
}
