package cases

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/scenario"
)

func TestThreeEventsHealTheDaemonSet(t *testing.T) {
	i := newIncident(t, "three-events", nil)
	i.probesFail(3, time.Now())
	r := i.wantHealed()
	for _, e := range r.Status.Evidence {
		if strings.HasPrefix(e.Source, "events.") && (e.LastSeen == "" || strings.HasPrefix(e.FirstSeen, "1970")) {
			t.Errorf("evidence without its times: %+v", e)
		}
	}
	if n := len(i.Remediations(t, i.namespace)); n != 1 {
		t.Errorf("got %d Remediations, want 1", n)
	}
}

func TestOneEventWithCountThreeIsEnough(t *testing.T) {
	i := newIncident(t, "count-three", nil)
	i.post(scenario.UnhealthyEvent(&i.pods[0], "thrice", 3, time.Now().Add(time.Second)))
	i.wantHealed()
}

func TestACountThatJumpsCountsItsIncrease(t *testing.T) {
	i := newIncident(t, "count-jumps", nil)
	event := i.post(scenario.UnhealthyEvent(&i.pods[0], "jump", 1, time.Now()))
	event.Count, event.LastTimestamp = 3, metav1.NewTime(time.Now().Add(time.Second))
	_, err := i.Client.CoreV1().Events(i.namespace).Update(t.Context(), event, metav1.UpdateOptions{})
	harness.Must(t, err)
	i.wantHealed()
}

func TestASeriesOfTheEventsAPICounts(t *testing.T) {
	i := newIncident(t, "events-series", nil)
	events := i.Client.EventsV1().Events(i.namespace)
	event, err := events.Create(t.Context(), scenario.SeriesEvent(&i.pods[0], "series", 1, time.Now()), metav1.CreateOptions{})
	harness.Must(t, err)
	event.Series = scenario.SeriesEvent(&i.pods[0], "series", 4, time.Now()).Series
	_, err = events.Update(t.Context(), event, metav1.UpdateOptions{})
	harness.Must(t, err)
	i.wantHealed()
}

func TestASecondEvaluationWritesNothing(t *testing.T) {
	i := newIncident(t, "second-evaluation", nil)
	i.probesFail(3, time.Now())
	i.wantHealed()
	// The same complaints again: the policy's match says that the variable is set. A second DaemonSet that does
	// get healed afterwards shows that the Events have been seen.
	pods, err := scenario.Pods(t.Context(), i.Client, i.namespace)
	harness.Must(t, err)
	i.pods = pods
	for k := range 3 {
		i.post(scenario.UnhealthyEvent(&i.pods[k], "again", 3, time.Now()))
	}
	sees(i)
	i.WantPatches(t, i.namespace, 1)
	if n := len(i.Remediations(t, i.namespace)); n != 2 {
		t.Errorf("got %d Remediations, want one here and one beside", n)
	}
}

// sees returns when the operator has acted upon Events that were posted after all others: those of calico-node in
// the namespace beside.
func sees(i *incident) {
	i.t.Helper()
	beside := &incident{World: i.World, t: i.t, op: i.op, namespace: i.Namespace(i.t, i.namespace+"-beside")}
	beside.install(beside.namespace, nil)
	beside.probesFail(3, time.Now())
	harness.Eventually(i.t, "the DaemonSet beside to be healed", harness.Limit, func() (bool, string) {
		_, set := harness.Env(i.GetDaemonSet(i.t, beside.namespace, scenario.CalicoNode), healthHost)
		return set, ""
	})
}

func TestWhatIsNotEnoughIsLeftAlone(t *testing.T) {
	for name, post := range map[string]func(i *incident){
		"two-events": func(i *incident) { i.probesFail(2, time.Now()) },
		"old-events": func(i *incident) { i.probesFail(3, time.Now().Add(-16*time.Minute)) },
		"counted-before": func(i *incident) { // seen for the first time, but most of it was before the start
			event := scenario.UnhealthyEvent(&i.pods[0], "long-known", 3, time.Now())
			event.FirstTimestamp = metav1.NewTime(time.Now().Add(-time.Hour))
			i.post(event)
		},
		"other-message": func(i *incident) {
			for k := range 3 {
				event := scenario.UnhealthyEvent(&i.pods[k], "other", 3, time.Now())
				event.Message = "Readiness probe failed: HTTP probe failed with statuscode: 503"
				i.post(event)
			}
		},
		"other-pods": func(i *incident) {
			for k := range 3 {
				event := scenario.UnhealthyEvent(&i.pods[k], "stranger", 3, time.Now())
				event.InvolvedObject.UID = "00000000-0000-0000-0000-000000000000"
				i.post(event)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			i := newIncident(t, name, nil)
			post(i)
			sees(i)
			i.WantPatches(t, i.namespace, 0)
			for _, r := range i.Remediations(t, i.namespace) {
				if r.Spec.TargetRef.Namespace == i.namespace {
					t.Errorf("got %s", r.String())
				}
			}
		})
	}
}

func TestEventsFromBeforeThePolicyProveNothing(t *testing.T) {
	w, op := withNodes.Get(t)
	i := &incident{World: w, t: t, op: op, namespace: w.Namespace(t, "before-start")}
	i.install(i.namespace, nil)
	// A count that stood at 3 before anybody looked may be hours old: first sight counts once.
	i.post(scenario.UnhealthyEvent(&i.pods[0], "early", 3, time.Now().Add(-20*time.Minute)))
	i.policy([]string{i.namespace, i.namespace + "-beside"})
	sees(i)
	i.WantPatches(t, i.namespace, 0)
}

func TestAMissingDaemonSetMakesNoNoise(t *testing.T) {
	i := newIncident(t, "other-is-missing", nil) // the policy names a namespace that does not exist
	i.probesFail(3, time.Now())
	i.wantHealed()
	for line := range strings.Lines(harness.LogOf(t, i.op)) {
		if strings.Contains(line, i.namespace+"-beside") {
			t.Errorf("noise in the log: %s", line)
		}
	}
	p := i.Policy(t, i.namespace)
	if p.Status.Targets.Selected != 1 {
		t.Errorf("%d targets are selected, want 1", p.Status.Targets.Selected)
	}
	for _, c := range p.Status.Conditions {
		if strings.Contains(c.Message, "beside") {
			t.Errorf("noise in the status: %+v", c)
		}
	}
}

func TestAnEntryWithValueFromIsReplacedWhole(t *testing.T) {
	i := newIncident(t, "value-from", func(ds *appsv1.DaemonSet) {
		container := &ds.Spec.Template.Spec.Containers[0]
		container.Env = append(container.Env, corev1.EnvVar{Name: healthHost, ValueFrom: &corev1.EnvVarSource{
			FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "status.hostIP"},
		}})
	})
	i.probesFail(3, time.Now())
	i.wantHealed()
}

func TestADaemonSetOfTheTigeraOperatorIsReported(t *testing.T) {
	controller := true
	i := newIncident(t, "tigera-owned", func(ds *appsv1.DaemonSet) {
		ds.OwnerReferences = []metav1.OwnerReference{{
			APIVersion: "operator.tigera.io/v1", Kind: "Installation", Name: "default",
			UID: "11111111-2222-3333-4444-555555555555", Controller: &controller,
		}}
	})
	i.probesFail(3, time.Now())
	r := i.AwaitPhase(t, i.namespace, "Reported")
	if !strings.Contains(r.Status.Message, "Installation") {
		t.Errorf("the message does not name the owner: %s", r.Status.Message)
	}
	i.WantPatches(t, i.namespace, 0)
}
