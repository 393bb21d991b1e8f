package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
)

// A service that is asked to do something: whatever happens on the way, every patient's call is the same one, so that it
// can be done once.

const callPolicy = `
apiVersion: kube-remedy.io/v1alpha1
kind: RemediationPolicy
metadata: {name: call}
spec:
  target: {apiVersion: v1, kind: ConfigMap, selector: {matchLabels: {role: caller}}}
  triggers:
  - name: marked
    match:
    - {name: sick, expression: "object.metadata.?annotations.?sick.orValue('') == 'yes'"}
  remedies:
  - name: ask
    steps:
    - webhook:
        name: call
        parameters: [{name: patient, expression: target.name}]
        deadline: 2m
    - patch: {set: [{path: /data/ticket, expression: "remediation.record['call'].ticket"}]}
    - patch: {set: [{path: /metadata/annotations/sick, remove: true}]}
    verify:
    - {name: marked-no-more, expression: "object.metadata.?annotations.?sick.orValue('') == ''"}
  recovery: {stableFor: 0s}
  limits: {maxConcurrent: 100%, maxUnhealthy: 100%}
`

var calls = &regimen{name: "call", role: role, policy: callPolicy, least: 7, admit: (*ward).admitCaller, see: (*ward).called}

func TestEveryFaultAtEveryWriteOfACall(t *testing.T) { everyFault(t, calls) }

func TestCrashAtEveryWriteOfACall(t *testing.T) { everyCrash(t, calls) }

func (w *ward) admitCaller(ctx context.Context, name string) error {
	_, err := w.Client.CoreV1().ConfigMaps(name).Create(ctx, &corev1.ConfigMap{ObjectMeta: meta(name, map[string]string{"role": "caller"})}, metav1.CreateOptions{})
	return err
}

// callee is who a call is about.
func callee(call harness.Call) string {
	var body struct{ Parameters struct{ Patient string } }
	if err := json.Unmarshal([]byte(call.Body), &body); err != nil {
		return err.Error()
	}
	return body.Parameters.Patient
}

// ticket answers calls, every other one with busy.
func ticket(n int, call harness.Call) (int, string) {
	if n%2 == 1 {
		return http.StatusServiceUnavailable, "busy"
	}
	return http.StatusOK, fmt.Sprintf(`{"evidence": {"ticket": "T-%s"}}`, callee(call))
}

// called says what has become of patients, and how many different calls there were about each.
func (w *ward) called(names []string) map[string][]string {
	w.t.Helper()
	lines := w.allOf(names)
	if problems := w.receiver.Problems(); len(problems) > 0 {
		w.t.Errorf("calls that were not right: %v", problems)
	}
	different := map[string][]harness.Call{}
	for _, call := range w.receiver.Calls() {
		if name := callee(call); !slices.Contains(different[name], call) {
			different[name] = append(different[name], call)
		}
	}
	for _, name := range names {
		lines[name] = append(lines[name], fmt.Sprintf("different calls: %d", len(different[name])))
	}
	return lines
}
