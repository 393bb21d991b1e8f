package cases

import (
	"fmt"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
	"github.com/kube-remedy/kube-remedy/e2e/faultproxy"
	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

// hasty is operator.Quick with shorter pauses still.
const hasty = `
log: {level: debug, format: text}
leaderElection: {leaseDuration: 60s, renewDeadline: 50s, retryPeriod: 200ms}
limits: {breakerCalm: 2s}
timing: {retryInitial: 50ms, retryMax: 500ms, recheck: 20ms, statusInterval: 100ms, progressInterval: 100ms, pruneInterval: 1s}
watches: {settle: 50ms, backoffInitial: 50ms, backoffMax: 500ms}
`

// counted is harness.SelfCuring with a change that shows how often it was made.
const counted = `
spec:
  remedies:
  - name: cure
    steps:
    - patch: {set: [{path: /metadata/annotations/rounds, expression: string(int(object.metadata.annotations.rounds) + 1)}]}
    - setEnv: {container: main, env: [{name: CURED, value: "1"}]}
    - waitFor: {expression: object.status.observedGeneration == object.metadata.generation, timeout: 1m}
    verify:
    - {name: observed, expression: object.status.observedGeneration == object.metadata.generation}
`

// crashLab is a cluster whose operators work through a fault proxy and die.
type crashLab struct {
	*harness.World
	proxy      *faultproxy.Proxy
	kubeconfig string
}

func newCrashLab(t *testing.T, w *harness.World) *crashLab {
	t.Helper()
	proxy, err := faultproxy.Start(faultproxy.Options{Upstream: w.URL(), Authority: w.Authority()})
	harness.Must(t, err)
	t.Cleanup(func() { proxy.Close() })
	kubeconfig, err := w.Account.KubeconfigVia("proxy", proxy.URL())
	harness.Must(t, err)
	return &crashLab{World: w, proxy: proxy, kubeconfig: kubeconfig}
}

func (l *crashLab) operator(t *testing.T, name string) *operator.Operator {
	t.Helper()
	return l.Operator(t, operator.Options{Kubeconfig: l.kubeconfig, Config: hasty, Name: name})
}

// run lets one incident come and be healed, by an operator that is started again whenever it has died.
func (l *crashLab) run(t *testing.T, ns string, arm func(kill func()) *faultproxy.Handle) {
	t.Helper()
	l.Namespace(t, ns)
	l.DaemonSet(t, ns, "d", map[string]string{"rounds": "0"})
	op := l.operator(t, ns+"-1")
	dead := make(chan struct{})
	l.proxy.ClearRecords()
	var deadly *faultproxy.Handle
	if arm != nil {
		deadly = arm(func() { op.Kill(); close(dead) })
	}
	// The policy comes last, so that the record begins with what is done about it.
	l.Apply(t, harness.PolicyText(t, ns, ns, harness.SelfCuring, counted))
	l.DeleteAtEnd(t, ns)
	if deadly != nil && l.died(t, ns, deadly, dead) {
		l.ReleaseLease(t)
		op = l.operator(t, ns+"-2")
	}
	l.proxy.RemoveAll()
	l.AwaitPhase(t, ns, "Succeeded")
	l.AwaitCondition(t, ns, "Ready", "True", "Ready")

	l.WantPatches(t, ns, 2)
	if ds := l.GetDaemonSet(t, ns, "d"); ds.Generation != 2 || ds.Annotations["rounds"] != "1" {
		t.Errorf("the DaemonSet has generation %d and rounds %s, want 2 and 1", ds.Generation, ds.Annotations["rounds"])
	}
	created := 0
	for _, write := range l.Writes(t, "remediations", "", "") {
		var object struct {
			Spec struct{ PolicyRef struct{ Name string } }
		}
		harness.Decode(t, write.ResponseObject, &object)
		if write.Verb == "create" && object.Spec.PolicyRef.Name == ns {
			created++
		}
	}
	if created != 1 || len(l.Remediations(t, ns)) != 1 {
		t.Errorf("%d Remediations were made and %d are there, want one", created, len(l.Remediations(t, ns)))
	}
	l.Kubectl(t, "", "delete", "rempol", ns)
	l.Kubectl(t, "", "delete", "rem", "--all")
	harness.Must(t, op.Terminate(t.Context())) // it gives the lease back, so the next does not wait
}

// died waits until the operator is dead. False: the remediation ended before, because the run that was recorded had
// to settle a timeout of a slow machine by a write more. A write that ends it and kills is seen before the death.
func (l *crashLab) died(t *testing.T, ns string, deadly *faultproxy.Handle, dead <-chan struct{}) bool {
	t.Helper()
	died := false
	harness.Eventually(t, "the operator to be killed, or the remediation to end", time.Minute, func() (bool, string) {
		select {
		case <-dead:
			died = true
			return true, ""
		default:
		}
		all := l.Remediations(t, ns)
		return len(all) == 1 && all[0].Final() && deadly.Applied() == 0, fmt.Sprint(all)
	})
	return died
}

// moments are when a process can die around a write.
var moments = []struct {
	name string
	rule func(faultproxy.Match, func()) faultproxy.Rule
}{
	{"before", func(m faultproxy.Match, kill func()) faultproxy.Rule {
		return faultproxy.Rule{Match: m, BeforeForward: func(*faultproxy.Request) { kill() }, Fault: faultproxy.Fault{CutBefore: true}}
	}},
	{"answer-lost", func(m faultproxy.Match, kill func()) faultproxy.Rule {
		return faultproxy.Rule{Match: m, AfterAnswer: func(*faultproxy.Request, *http.Response) { kill() }, Fault: faultproxy.Fault{CutAfter: true}}
	}},
	{"after", func(m faultproxy.Match, kill func()) faultproxy.Rule {
		return faultproxy.Rule{Match: m, AfterDelivery: func(*faultproxy.Request, *http.Response) { kill() }}
	}},
}

// CrashBetweenEveryIntentAndWrite, ScaleFactorAppliedOnceAcrossCrash: kill -9 around every write of a remediation. Each kind of moment has a cluster
// of its own.
func TestCrashBetweenEveryIntentAndWrite(t *testing.T) {
	for _, moment := range moments {
		t.Run(moment.name, func(t *testing.T) {
			t.Parallel()
			lab := newCrashLab(t, harness.Start(t, cluster.Options{}))
			lab.run(t, "undisturbed", nil)
			var writes []faultproxy.Record
			for _, write := range lab.proxy.Writes() {
				// Events and the policy's status are not part of the remediation; the cleanup comes after it.
				if essential(write.Method, write.URI) {
					writes = append(writes, write)
				}
			}
			for _, write := range writes {
				t.Logf("write: %s %s", write.Method, write.URI)
			}
			if len(writes) < 4 {
				t.Fatalf("only %d writes were recorded", len(writes))
			}
			for n := range writes {
				ns := fmt.Sprintf("%s-%d", moment.name, n+1)
				lab.run(t, ns, func(kill func()) *faultproxy.Handle {
					return lab.proxy.Add(moment.rule(faultproxy.Match{Writes: true, Nth: n + 1, Predicate: func(r *faultproxy.Request) bool {
						return essential(r.Method, r.URI)
					}}, kill))
				})
			}
		})
	}
}

var essentialPath = regexp.MustCompile(`/remediations|/daemonsets/`)

// essential tells the writes that a remediation consists of: creating it, its status, its changes.
func essential(method, uri string) bool {
	return method != http.MethodDelete && essentialPath.MatchString(uri)
}
