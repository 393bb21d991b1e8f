package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Limit is how long anything may take that does not wait for a clock.
const Limit = 45 * time.Second

// The resources of kube-remedy.
var (
	Policies     = schema.GroupVersionResource{Group: "kube-remedy.io", Version: "v1alpha1", Resource: "remediationpolicies"}
	Remediations = schema.GroupVersionResource{Group: "kube-remedy.io", Version: "v1alpha1", Resource: "remediations"}
	Baselines    = schema.GroupVersionResource{Group: "kube-remedy.io", Version: "v1alpha1", Resource: "targetbaselines"}
)

// A Reference names an object.
type Reference struct{ APIVersion, Kind, Namespace, Name, UID string }

// A Policy is the part of a RemediationPolicy's status that tests read.
type Policy struct {
	metav1.ObjectMeta `json:"metadata"`
	Status            struct {
		ObservedGeneration int64
		Conditions         []metav1.Condition
		Targets            struct{ Selected, Unhealthy, Remediating, Waiting, Exhausted int64 }
		Waiting            []struct {
			Target          Reference
			Reason, Message string
		}
		WaitingReasons []struct {
			Reason string
			Count  int64
		}
		Breaker *struct {
			State               string
			Unhealthy, Selected int64
		}
	}
}

// Condition is the one of that type, or an empty one.
func (p *Policy) Condition(kind string) metav1.Condition {
	for _, c := range p.Status.Conditions {
		if c.Type == kind {
			return c
		}
	}
	return metav1.Condition{}
}

// A Remediation is the part of one that tests read.
type Remediation struct {
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		PolicyRef struct{ Name, UID string }
		TargetRef Reference
		Mode      string
		// By hand.
		RequestedBy string
		Cancel      bool
	}
	Status struct {
		Phase, Reason, Message, Remedy, Step string
		StartedAt, FinishedAt                time.Time
		Trigger                              *struct{ Since time.Time }
		Conditions                           []metav1.Condition
		Evidence                             []struct {
			Source, Message, FirstSeen, LastSeen string
			Count                                int64
		}
		Plan []struct {
			Remedy, Action, Text, Body, Validation, Message string
			Step                                            int64
			Object                                          *Reference
		}
		Approvals []struct {
			Remedy, PlanHash, State, By string
		}
		Remedies []struct {
			Name, State, Reason, Message string
			Attempt                      int64
			StartedAt, FinishedAt        time.Time
		}
		Steps []struct {
			Remedy, Action, State, Message string
			Attempt, Step                  int64
			StartedAt, FinishedAt          time.Time
			Writes                         []struct{ Outcome, Verb, ResourceVersionAfter string }
		}
		Ledger *struct {
			N, Failures   int64
			CooldownUntil string
		}
		Contended *struct {
			Count   int64
			Manager string
		}
	}
}

// String is for messages of tests.
func (r *Remediation) String() string {
	return fmt.Sprintf("%s: %s %s (%s) step %q", r.Name, r.Status.Phase, r.Status.Reason, r.Status.Message, r.Status.Step)
}

// A Moment is one that the status of a Remediation tells.
type Moment struct {
	What string
	At   time.Time
}

// Moments are what one went through, from the symptom to the end: each rung that was tried, and each step of its last
// attempt.
func (r *Remediation) Moments() []Moment {
	var out []Moment
	if r.Status.Trigger != nil {
		out = append(out, Moment{"the symptom", r.Status.Trigger.Since})
	}
	out = append(out, Moment{"the beginning", r.Status.StartedAt})
	for _, rung := range r.Status.Remedies {
		if rung.StartedAt.IsZero() {
			continue
		}
		out = append(out, Moment{"remedy " + rung.Name + " begins", rung.StartedAt})
		for _, step := range r.Status.Steps {
			if step.Remedy == rung.Name && step.Attempt == rung.Attempt {
				what := fmt.Sprintf("step %d (%s) ", step.Step+1, step.Action)
				out = append(out, Moment{what + "begins", step.StartedAt}, Moment{what + "is over", step.FinishedAt})
			}
		}
		out = append(out, Moment{"remedy " + rung.Name + " is over", rung.FinishedAt})
	}
	return append(out, Moment{"the end", r.Status.FinishedAt})
}

// Final tells whether nothing more happens.
func (r *Remediation) Final() bool {
	switch r.Status.Phase {
	case "Succeeded", "Failed", "Cancelled", "Observed", "Reported":
		return true
	}
	return false
}

// Text is a value as JSON, for messages.
func Text(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Decode reads JSON.
func Decode(t testing.TB, text []byte, into any) {
	t.Helper()
	Must(t, json.Unmarshal(text, into))
}

func decode[T any](t testing.TB, object *unstructured.Unstructured) T {
	t.Helper()
	text, err := json.Marshal(object)
	Must(t, err)
	var out T
	Must(t, json.Unmarshal(text, &out))
	return out
}

// Policy reads a policy.
func (w *World) Policy(t testing.TB, name string) Policy {
	t.Helper()
	object, err := w.Dynamic.Resource(Policies).Get(t.Context(), name, metav1.GetOptions{})
	Must(t, err)
	return decode[Policy](t, object)
}

// AwaitCondition waits until a condition of the policy has that status and reason for its newest generation, and
// returns its message.
func (w *World) AwaitCondition(t testing.TB, policy, kind, status, reason string) string {
	t.Helper()
	message := ""
	Eventually(t, fmt.Sprintf("%s of %s to be %s (%s)", kind, policy, status, reason), Limit, func() (bool, string) {
		p := w.Policy(t, policy)
		c := p.Condition(kind)
		message = c.Message
		return string(c.Status) == status && c.Reason == reason && c.ObservedGeneration == p.Generation, fmt.Sprintf("%+v", p.Status)
	})
	return message
}

// Remediations lists those of a policy, the oldest first.
func (w *World) Remediations(t testing.TB, policy string) []Remediation {
	t.Helper()
	list, err := w.Dynamic.Resource(Remediations).List(t.Context(), metav1.ListOptions{})
	Must(t, err)
	var out []Remediation
	for i := range list.Items {
		if r := decode[Remediation](t, &list.Items[i]); r.Spec.PolicyRef.Name == policy {
			out = append(out, r)
		}
	}
	// Names end with the number within the lineage; creation times have whole seconds only.
	for i := 1; i < len(out); i++ {
		for j := i; j > 0 && older(&out[j], &out[j-1]); j-- {
			out[j], out[j-1] = out[j-1], out[j]
		}
	}
	return out
}

func older(a, b *Remediation) bool {
	if !a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.CreationTimestamp.Before(&b.CreationTimestamp)
	}
	return a.Name < b.Name
}

// AwaitRemediation waits until the newest Remediation of a policy fits.
func (w *World) AwaitRemediation(t testing.TB, policy, what string, fits func(*Remediation) bool) Remediation {
	t.Helper()
	var newest Remediation
	Eventually(t, "the newest Remediation of "+policy+" "+what, Limit, func() (bool, string) {
		all := w.Remediations(t, policy)
		if len(all) == 0 {
			return false, "there is none"
		}
		newest = all[len(all)-1]
		return fits(&newest), newest.String()
	})
	return newest
}

// AwaitPhase waits for a phase of the newest Remediation of a policy. One that ended otherwise fails at once.
func (w *World) AwaitPhase(t testing.TB, policy, phase string) Remediation {
	t.Helper()
	r := w.AwaitRemediation(t, policy, "to be "+phase, func(r *Remediation) bool { return r.Status.Phase == phase || r.Final() })
	if r.Status.Phase != phase {
		t.Fatalf("got %s, want the phase %s", r.String(), phase)
	}
	return r
}

// AwaitStep waits until a step of that action runs.
func (w *World) AwaitStep(t testing.TB, policy, action string) Remediation {
	t.Helper()
	r := w.AwaitRemediation(t, policy, "to run "+action, func(r *Remediation) bool {
		return strings.HasSuffix(r.Status.Step, " "+action) && r.Status.Phase == "Running" || r.Final()
	})
	if r.Final() {
		t.Fatalf("got %s, want a running %s", r.String(), action)
	}
	return r
}

// Exists tells whether an object is there.
func (w *World) Exists(t testing.TB, resource schema.GroupVersionResource, namespace, name string) bool {
	t.Helper()
	_, err := w.Dynamic.Resource(resource).Namespace(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false
	}
	Must(t, err)
	return true
}

// deletePolicy works after the test's context has ended.
func (w *World) deletePolicy(t testing.TB, name string) {
	err := w.Dynamic.Resource(Policies).Delete(context.WithoutCancel(t.Context()), name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		t.Errorf("deleting policy %s: %v", name, err)
	}
}

// NodeMaintenanceCRD is as much of medik8s' as is read.
const NodeMaintenanceCRD = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: nodemaintenances.nodemaintenance.medik8s.io}
spec:
  group: nodemaintenance.medik8s.io
  scope: Cluster
  names: {kind: NodeMaintenance, plural: nodemaintenances, singular: nodemaintenance, listKind: NodeMaintenanceList}
  versions:
  - name: v1beta1
    served: true
    storage: true
    schema:
      openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
`
