package cases

import (
	"testing"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
)

// goodPolicyWorks shows that other policies go on while a bad one is there.
func goodPolicyWorks(t *testing.T, w *harness.World, ns string) {
	t.Helper()
	w.Namespace(t, ns)
	w.DaemonSet(t, ns, "d", map[string]string{"sick": "yes"})
	w.ApplyPolicy(t, ns, ns)
	awaitCured(t, w, ns, "d")
}

func TestAPolicyThatIsWrongSaysWhatAndWhere(t *testing.T) {
	w, _ := withOperator.Get(t)
	for name, c := range map[string]struct {
		patch string
		want  []string
	}{
		"bad-regex": {
			`{spec: {events: [{name: probes, reason: "(unclosed"}], triggers: [{name: t, events: {from: probes}}], recovery: {healthy: [{name: h, expression: "true"}]}}}`,
			[]string{"spec.events[0].reason", "missing )"},
		},
		"undeclared-name": {
			`{spec: {triggers: [{name: t, match: [{name: m, expression: "objekt.spec.replicas == 1"}]}]}}`,
			[]string{"spec.triggers[0].match[0].expression", "1:1", "objekt"},
		},
		"type-error": {
			`{spec: {triggers: [{name: t, match: [{name: m, expression: "true && target.name"}]}]}}`,
			[]string{"spec.triggers[0].match[0].expression", "1:9", "bool", "string"},
		},
		"not-boolean": {
			`{spec: {triggers: [{name: t, match: [{name: m, expression: "target.name"}]}]}}`,
			[]string{"spec.triggers[0].match[0].expression", "bool", "string"},
		},
		"syntax-error": {
			`{spec: {triggers: [{name: t, match: [{name: m, expression: "1 +\n+ 2)"}]}]}}`,
			[]string{"spec.triggers[0].match[0].expression", "2:"},
		},
		"own-patch-cannot-prove-cure": {
			`{spec: {triggers: [{name: not-set, match: [{name: unset, expression: "!object.spec.template.spec.containers[0].?env.orValue([]).exists(e, e.name == 'CURED')"}]}]}}`,
			[]string{"verify", `"not-set"`, `"cure"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w.Apply(t, harness.PolicyText(t, name, "nowhere", c.patch))
			w.DeleteAtEnd(t, name)
			message := w.AwaitCondition(t, name, "Accepted", "False", "Invalid")
			wantText(t, "the message", message, c.want...)
			w.AwaitCondition(t, name, "Ready", "False", "NotAccepted")
			// Corrected, it works.
			w.Apply(t, harness.PolicyText(t, name, "nowhere"))
			w.AwaitCondition(t, name, "Ready", "True", "Ready")
		})
	}
	goodPolicyWorks(t, w, "good-beside-wrong")
}

func TestAnUnknownFieldIsNamed(t *testing.T) {
	w, _ := withOperator.Get(t)
	const ns = "unknown-field"
	text := harness.PolicyText(t, ns, "nowhere", `{spec: {recovery: {stableFro: 5m}}}`)
	out, err := w.TryKubectl(t, text, "apply", "-f", "-", "--validate=strict")
	if err == nil {
		t.Errorf("kubectl applied it: %s", out)
	}
	wantText(t, "kubectl's answer", out, `unknown field "spec.recovery.stableFro"`)
	// Without validation the server drops the field, and what is left is a good policy.
	out = w.Kubectl(t, text, "apply", "-f", "-", "--validate=false")
	w.DeleteAtEnd(t, ns)
	w.AwaitCondition(t, ns, "Ready", "True", "Ready")
}

const laterCRD = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.later.example}
spec:
  group: later.example
  scope: Namespaced
  names: {kind: Gadget, plural: gadgets, singular: gadget, listKind: GadgetList}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
`

const laterRole = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: watch-gadgets
  labels: {kube-remedy.io/aggregate-to-controller: "true"}
rules:
- apiGroups: [later.example]
  resources: [gadgets]
  verbs: [get, list, watch, patch]
`

// A kind that is not there yet, then may not be read: each is said, and each heals by itself.
func TestAKindThatComesLaterHealsByItself(t *testing.T) {
	w, _ := withOperator.Get(t)
	const ns = "later-kind"
	w.Namespace(t, ns)
	w.Apply(t, harness.PolicyText(t, ns, ns, `
spec:
  target: {apiVersion: later.example/v1, kind: Gadget, namespaces: [later-kind]}
  remedies:
  - name: cure
    steps:
    - patch: {patch: {metadata: {labels: {cured: "yes"}}}}
`))
	w.DeleteAtEnd(t, ns)
	wantText(t, "Inactive's message", w.AwaitCondition(t, ns, "Ready", "False", "Inactive"), "later.example/v1")
	goodPolicyWorks(t, w, "good-beside-inactive")

	w.Apply(t, laterCRD)
	wantText(t, "PermissionDenied's message", w.AwaitCondition(t, ns, "Ready", "False", "PermissionDenied"), "gadgets", "later.example", "watch")
	goodPolicyWorks(t, w, "good-beside-denied")

	w.Apply(t, laterRole)
	w.AwaitCondition(t, ns, "Ready", "True", "Ready")
	w.Apply(t, "{apiVersion: later.example/v1, kind: Gadget, metadata: {name: g, namespace: later-kind, annotations: {sick: \"yes\"}}}")
	harness.Eventually(t, "the gadget to be patched", harness.Limit, func() (bool, string) {
		out := w.Kubectl(t, "", "-n", ns, "get", "gadget", "g", "-o", "jsonpath={.metadata.labels.cured}")
		return out == "yes", out
	})
}
