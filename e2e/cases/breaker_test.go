package cases

import (
	"context"
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

// storm is a policy that would act after three seconds of the symptom, on 100 DaemonSets, at most 20 % sick.
const storm = `
spec:
  triggers:
  - name: marked
    for: 3s
    match:
    - {name: sick, expression: "object.metadata.?annotations.?sick.orValue('') == 'yes'"}
  limits: {maxConcurrent: 100, maxUnhealthy: 20%}
`

// fleet makes DaemonSets d-0 to d-99.
func fleet(t *testing.T, w *harness.World, ns string, annotations func(i int) map[string]string) {
	t.Helper()
	w.Namespace(t, ns)
	for i := range 100 {
		w.DaemonSet(t, ns, fmt.Sprintf("d-%d", i), annotations(i))
	}
}

func everySecond(value string) func(int) map[string]string {
	return func(i int) map[string]string {
		if i%2 == 0 {
			return map[string]string{"sick": value}
		}
		return nil
	}
}

// wantBlockedThenCalm expects the breaker to be open because of 50 of 100, and to close when all have recovered.
func wantBlockedThenCalm(t *testing.T, w *harness.World, ns string) {
	t.Helper()
	message := ""
	awaitTargets(t, w, ns, func(p *harness.Policy) bool {
		blocked := p.Condition("Blocked")
		message = blocked.Message
		return blocked.Status == "True" && blocked.Reason == "BreakerOpen" && p.Status.Targets.Unhealthy == 50
	})
	wantText(t, "the message of Blocked", message, "50 of 100", "20 (20 %)")
	// All 50 have waited for longer than `for`: they are sick enough and held back by nothing but the breaker.
	awaitTargets(t, w, ns, func(p *harness.Policy) bool {
		held := 0
		for _, waiting := range p.Status.Waiting {
			if waiting.Reason == "BreakerOpen" {
				held++
			}
		}
		return held == 50
	})
	w.WantPatches(t, ns, 0)
	if n := len(w.Remediations(t, ns)); n != 0 {
		t.Errorf("got %d Remediations, want none", n)
	}

	for i := 0; i < 100; i += 2 {
		w.Annotate(t, ns, fmt.Sprintf("d-%d", i), "sick", "")
	}
	w.AwaitCondition(t, ns, "Blocked", "False", "NotBlocked")
	w.WantPatches(t, ns, 0)
	// It works again: one that gets sick is healed.
	w.Annotate(t, ns, "d-1", "sick", "yes")
	awaitCured(t, w, ns, "d-1")
	w.WantPatches(t, ns, 1)
}

func TestHalfOfTheFleetSickAtOnceIsLeftAlone(t *testing.T) {
	w, _ := withOperator.Get(t)
	const ns = "storm"
	fleet(t, w, ns, func(int) map[string]string { return nil })
	w.ApplyPolicy(t, ns, ns, storm)
	awaitTargets(t, w, ns, func(p *harness.Policy) bool { return p.Status.Targets.Selected == 100 })
	for i := 0; i < 100; i += 2 {
		w.Annotate(t, ns, fmt.Sprintf("d-%d", i), "sick", "yes")
	}
	wantBlockedThenCalm(t, w, ns)
}

// BreakerTripsOnColdStart: the operator comes up in the middle of the storm.
func TestBreakerTripsOnColdStart(t *testing.T) {
	w, _ := bare.Get(t)
	const ns = "cold-start"
	fleet(t, w, ns, everySecond("yes"))
	w.Apply(t, harness.PolicyText(t, ns, ns, storm, `{spec: {triggers: [{name: marked, match: [{name: sick, expression: "object.metadata.?annotations.?sick.orValue('') == 'yes'"}]}]}}`))
	w.DeleteAtEnd(t, ns)
	op := w.Operator(t, operator.Options{Config: hasty})
	awaitTargets(t, w, ns, func(p *harness.Policy) bool { return p.Condition("Blocked").Reason == "BreakerOpen" })
	// A crash does not make it forget.
	w.Crash(t, op)
	w.Operator(t, operator.Options{Config: hasty, Name: "second"})
	wantBlockedThenCalm(t, w, ns)
}

func TestSingleTargetDoesNotTripBreaker(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "single-target")
	w.DaemonSet(t, ns, "d", map[string]string{"sick": "yes"})
	w.ApplyPolicy(t, ns, ns, `{spec: {limits: {maxUnhealthy: 20%}}}`)
	awaitCured(t, w, ns, "d")
	if c := w.Policy(t, ns); c.Condition("Blocked").Status != "False" {
		t.Errorf("blocked: %+v", c.Condition("Blocked"))
	}
}

// breakerStates are the states of a policy's breaker as they follow one another, seen from outside until the test ends.
func breakerStates(t *testing.T, w *harness.World, policy string) func() []string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	stream, err := w.Dynamic.Resource(harness.Policies).Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + policy})
	harness.Must(t, err)
	seen := make(chan []string)
	go func() {
		var states []string
		for event := range stream.ResultChan() {
			state := ""
			if p, ok := event.Object.(*unstructured.Unstructured); ok {
				state, _, _ = unstructured.NestedString(p.Object, "status", "breaker", "state")
			}
			if state != "" && (len(states) == 0 || states[len(states)-1] != state) {
				states = append(states, state)
			}
		}
		seen <- states
	}()
	t.Cleanup(stop)
	return func() []string {
		stop()
		select {
		case states := <-seen:
			return states
		case <-time.After(harness.Limit):
			t.Fatal("the watch does not end")
			return nil
		}
	}
}
