package cases

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kube-remedy/kube-remedy/e2e/cluster/binaries"
	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
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

// gadgetCRD is for a group.
const gadgetCRD = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.%[1]s}
spec:
  group: %[1]s
  scope: Namespaced
  names: {kind: Gadget, plural: gadgets, singular: gadget, listKind: GadgetList}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
`

// gadgetRole lets the operator do something with the gadgets of a group.
const gadgetRole = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: gadgets-of-%[1]s
  labels: {kube-remedy.io/aggregate-to-controller: "true"}
rules:
- apiGroups: [%[1]s]
  resources: [gadgets]
  verbs: [%[2]s]
`

// gadgetPolicy is a patch of harness.PolicyText: a label cures.
const gadgetPolicy = `
spec:
  target: {apiVersion: %[1]s/v1, kind: Gadget, namespaces: [%[2]s]}
  remedies:
  - name: cure
    steps:
    - patch: {patch: {metadata: {labels: {cured: "yes"}}}}
`

// sickGadget makes one.
func sickGadget(t *testing.T, w *harness.World, group, ns string) {
	t.Helper()
	w.Apply(t, fmt.Sprintf("{apiVersion: %s/v1, kind: Gadget, metadata: {name: g, namespace: %s, annotations: {sick: \"yes\"}}}", group, ns))
}

func awaitCuredGadget(t *testing.T, w *harness.World, group, ns string) {
	t.Helper()
	harness.Eventually(t, "the gadget to be patched", harness.Limit, func() (bool, string) {
		out := w.Kubectl(t, "", "-n", ns, "get", "gadgets."+group, "g", "-o", "jsonpath={.metadata.labels.cured}")
		return out == "yes", out
	})
}

// A kind that is not there yet, then may not be read: each is said, and each heals by itself.
func TestAKindThatComesLaterHealsByItself(t *testing.T) {
	w, _ := withOperator.Get(t)
	const ns, group = "later-kind", "later.example"
	w.Namespace(t, ns)
	w.Apply(t, harness.PolicyText(t, ns, ns, fmt.Sprintf(gadgetPolicy, group, ns)))
	w.DeleteAtEnd(t, ns)
	wantText(t, "Inactive's message", w.AwaitCondition(t, ns, "Ready", "False", "Inactive"), "later.example/v1")
	goodPolicyWorks(t, w, "good-beside-inactive")

	w.Apply(t, fmt.Sprintf(gadgetCRD, group))
	wantText(t, "PermissionDenied's message", w.AwaitCondition(t, ns, "Ready", "False", "PermissionDenied"), "gadgets", group, "watch")
	goodPolicyWorks(t, w, "good-beside-denied")

	w.Apply(t, fmt.Sprintf(gadgetRole, group, "get, list, watch, patch"))
	w.AwaitCondition(t, ns, "Ready", "True", "Ready")
	sickGadget(t, w, group, ns)
	awaitCuredGadget(t, w, group, ns)
}

// The watch of a kind whose definition is deleted and made again under another plural answers 404 for ever.
func TestAKindThatMovesHealsByItself(t *testing.T) {
	w, _ := withOperator.Get(t)
	const ns, group = "moved-kind", "moved.example"
	w.Namespace(t, ns)
	w.Apply(t, fmt.Sprintf(gadgetCRD, group))
	w.Apply(t, strings.ReplaceAll(fmt.Sprintf(gadgetRole, group, "get, list, watch, patch"), "[gadgets]", "[gadgets, gizmos]"))
	w.ApplyPolicy(t, ns, ns, fmt.Sprintf(gadgetPolicy, group, ns))
	sickGadget(t, w, group, ns)
	awaitCuredGadget(t, w, group, ns)

	w.Kubectl(t, "", "delete", "crd", "gadgets."+group)
	wantText(t, "Inactive's message", w.AwaitCondition(t, ns, "Ready", "False", "Inactive"), "moved.example/v1")
	w.Apply(t, strings.NewReplacer("gadgets", "gizmos", "singular: gadget", "singular: gizmo").Replace(fmt.Sprintf(gadgetCRD, group)))
	w.AwaitCondition(t, ns, "Ready", "True", "Ready")
	gizmo := fmt.Sprintf("{apiVersion: %s/v1, kind: Gadget, metadata: {name: h, namespace: %s, annotations: {sick: \"yes\"}}}", group, ns)
	w.Apply(t, gizmo, "--cache-dir="+t.TempDir()) // kubectl remembers where gadgets were
	harness.Eventually(t, "the gizmo to be patched", harness.Limit, func() (bool, string) {
		out := w.Kubectl(t, "", "-n", ns, "get", "gizmos."+group, "h", "-o", "jsonpath={.metadata.labels.cured}")
		return out == "yes", out
	})
	goodPolicyWorks(t, w, "good-beside-moved")
}

// A kind that may be read and not written: the remediation ends and says what is missing; once it is permitted, the
// next one heals.
func TestAWriteThatIsNotPermittedIsSaid(t *testing.T) {
	w, _ := withOperator.Get(t)
	const ns, group = "write-denied", "denied.example"
	w.Namespace(t, ns)
	w.Apply(t, fmt.Sprintf(gadgetCRD, group))
	w.Apply(t, fmt.Sprintf(gadgetRole, group, "get, list, watch"))
	w.ApplyPolicy(t, ns, ns, fmt.Sprintf(gadgetPolicy, group, ns), "{spec: {limits: {cooldown: 1s}}}")
	sickGadget(t, w, group, ns)
	r := w.AwaitPhase(t, ns, "Failed")
	wantText(t, "the message", r.Status.Message, "cannot patch resource", "gadgets", group)
	goodPolicyWorks(t, w, "good-beside-write-denied")

	w.Apply(t, fmt.Sprintf(gadgetRole, group, "get, list, watch, patch"))
	awaitCuredGadget(t, w, group, ns)
}

// Events are no target and have no list; that they may not be read is said all the same, and heals by itself.
func TestEventsThatMayNotBeReadHealByThemselves(t *testing.T) {
	w, _ := withOperator.Get(t)
	const ns = "events-denied"
	root, err := binaries.RepositoryRoot()
	harness.Must(t, err)
	role := filepath.Join(root, "config/rbac/roles/watch_events.yaml")
	permit := func() { w.Kubectl(t, "", "apply", "-f", role) }
	awaitPermission := func(want string) {
		t.Helper()
		harness.Eventually(t, "permission to read Events: "+want, harness.Limit, func() (bool, string) {
			out, _ := w.TryKubectl(t, "", "auth", "can-i", "watch", "events", "-A",
				"--as=system:serviceaccount:"+operator.Namespace+":"+operator.ServiceAccount)
			return strings.HasPrefix(out, want) || strings.Contains(out, "\n"+want), out
		})
	}
	w.Kubectl(t, "", "delete", "-f", role)
	permitted := false
	defer func() {
		if !permitted {
			permit()
		}
	}()
	awaitPermission("no")
	w.Namespace(t, ns)
	w.DaemonSet(t, ns, "d", map[string]string{"sick": "yes"})
	w.Apply(t, harness.PolicyText(t, ns, ns, `{spec: {events: [{name: complaints, reason: ^Complaint$, within: 5m}]}}`))
	w.DeleteAtEnd(t, ns)
	wantText(t, "PermissionDenied's message", w.AwaitCondition(t, ns, "Ready", "False", "PermissionDenied"), `"events"`)
	goodPolicyWorks(t, w, "good-beside-events-denied")
	w.WantPatches(t, ns, 0)

	permit()
	permitted = true
	w.AwaitCondition(t, ns, "Ready", "True", "Ready")
	awaitCured(t, w, ns, "d")
}
