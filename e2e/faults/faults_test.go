// Package faults compares remediations that are disturbed with one that is not: whatever happens to one of their
// requests, the cluster ends in the same state, and the same objects were made and deleted.
package faults

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/kube-remedy/kube-remedy/e2e/faultproxy"
	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

var shared = harness.Shared{}

func TestMain(m *testing.M) {
	code := m.Run()
	shared.Close()
	os.Exit(code)
}

// disturbances are what can become of one request.
var disturbances = map[string]faultproxy.Fault{
	"answer-lost": {CutAfter: true},
	"cut-before":  {CutBefore: true},
	"conflict":    {Answer: faultproxy.Conflict()},
	"throttled":   {Answer: faultproxy.TooManyRequests("1")},
	"error-500":   {Answer: faultproxy.InternalError()},
	"slow":        {Delay: 700 * time.Millisecond},
}

// EveryFaultAtEveryWrite: a remediation with every action that writes is run once undisturbed, and then once for each
// of its writes and each disturbance of that write.
func TestEveryFaultAtEveryWrite(t *testing.T) {
	w, _ := shared.Get(t)
	proxy, err := faultproxy.Start(faultproxy.Options{Upstream: w.URL(), Authority: w.Authority()})
	harness.Must(t, err)
	t.Cleanup(func() { proxy.Close() })
	kubeconfig, err := w.Account.KubeconfigVia("proxy", proxy.URL())
	harness.Must(t, err)
	w.Operator(t, operator.Options{Kubeconfig: kubeconfig})
	w.Apply(t, role)

	calm := newRun(t, w, "calm")
	calm.begin()
	calm.end()
	writes := 0
	for _, write := range proxy.Writes() {
		if calm.concerns(write.URI, write.Body) {
			writes++
			t.Logf("write %d: %s %s", writes, write.Method, write.URI)
		}
	}
	if writes < 15 {
		t.Fatalf("only %d writes were recorded", writes)
	}
	want := calm.outcome()
	t.Logf("the undisturbed outcome: %s", want)
	for name, fault := range disturbances {
		t.Run(name, func(t *testing.T) {
			for n := 1; n <= writes; n++ {
				t.Run(fmt.Sprint(n), func(t *testing.T) {
					t.Parallel()
					r := newRun(t, w, fmt.Sprintf("%s-%d", name, n))
					handle := proxy.Add(faultproxy.Rule{Fault: fault, Match: faultproxy.Match{Writes: true, Nth: n,
						Predicate: func(q *faultproxy.Request) bool { return r.concerns(q.URI, q.Body) }}})
					defer handle.Remove()
					r.begin()
					r.end()
					if handle.Applied() == 0 {
						t.Error("the write that was to be disturbed was not there")
					}
					if got := r.outcome(); got != want {
						t.Errorf("the outcome is\n%s\nundisturbed it was\n%s", got, want)
					}
				})
			}
		})
	}
}
