package harness

import (
	"fmt"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"sigs.k8s.io/yaml"
)

// base is the policy that most tests vary: a DaemonSet with the annotation sick=yes gets CURED=1 in its container.
// The symptom goes when the test removes the annotation, and no sooner: so each test decides about every moment.
const base = `
apiVersion: kube-remedy.io/v1alpha1
kind: RemediationPolicy
metadata:
  name: %[1]s
spec:
  target: {apiVersion: apps/v1, kind: DaemonSet, namespaces: [%[2]s]}
  triggers:
  - name: marked
    match:
    - {name: sick, expression: "object.metadata.?annotations.?sick.orValue('') == 'yes'"}
  remedies:
  - name: cure
    steps:
    - setEnv: {container: main, env: [{name: CURED, value: "1"}]}
  recovery: {stableFor: 1s}
  limits: {maxConcurrent: 100%%, maxUnhealthy: 100%%}
`

// SelfCuring is a patch of PolicyText: the symptom is that CURED is not set, and it is proved by the rollout.
const SelfCuring = `
spec:
  triggers:
  - name: not-set
    match:
    - {name: unset, expression: "!object.spec.template.spec.containers[0].?env.orValue([]).exists(e, e.name == 'CURED')"}
  remedies:
  - name: cure
    steps:
    - setEnv: {container: main, env: [{name: CURED, value: "1"}]}
    - waitFor: {expression: object.status.observedGeneration == object.metadata.generation, timeout: 1m}
    verify:
    - {name: observed, expression: object.status.observedGeneration == object.metadata.generation}
`

// Gated is a patch of PolicyText: after the change the remedy waits for the annotation go=yes.
const Gated = `
spec:
  remedies:
  - name: cure
    steps:
    - setEnv: {container: main, env: [{name: CURED, value: "1"}]}
    - waitFor: {expression: "object.metadata.?annotations.?go.orValue('') == 'yes'", timeout: 1m}
`

// PolicyText is the base policy with JSON merge patches on top, each as YAML.
func PolicyText(t testing.TB, name, namespace string, patches ...string) string {
	t.Helper()
	text, err := Merge(fmt.Sprintf(base, name, namespace), patches...)
	Must(t, err)
	return text
}

// Merge applies JSON merge patches, written as YAML, to a YAML document.
func Merge(text string, patches ...string) (string, error) {
	document, err := yaml.YAMLToJSON([]byte(text))
	for _, patch := range patches {
		var change []byte
		if change, err = yaml.YAMLToJSON([]byte(patch)); err != nil {
			return "", err
		}
		if document, err = jsonpatch.MergePatch(document, change); err != nil {
			return "", err
		}
	}
	if err != nil {
		return "", err
	}
	merged, err := yaml.JSONToYAML(document)
	return string(merged), err
}

// ApplyPolicy applies PolicyText and waits until the policy is ready. It is deleted at the end of the test.
func (w *World) ApplyPolicy(t testing.TB, name, namespace string, patches ...string) {
	t.Helper()
	w.Apply(t, PolicyText(t, name, namespace, patches...))
	w.DeleteAtEnd(t, name)
	w.AwaitCondition(t, name, "Ready", "True", "Ready")
}

// DeleteAtEnd deletes a policy when the test is over, so that the next has the operator for itself.
func (w *World) DeleteAtEnd(t testing.TB, name string) {
	t.Cleanup(func() { w.deletePolicy(t, name) })
}
