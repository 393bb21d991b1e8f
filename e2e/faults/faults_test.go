// Package faults compares remediations that are disturbed with one that is not: whatever happens to their requests,
// their watches or the process, the cluster ends in the same state, and the same objects were made, changed and
// deleted as often.
package faults

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kube-remedy/kube-remedy/e2e/fakecloud"
	"github.com/kube-remedy/kube-remedy/e2e/faultproxy"
	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

func TestMain(m *testing.M) {
	code := m.Run()
	shared.Close()
	os.Exit(code)
}

// A regimen is one kind of treatment: a policy, the patients that it is for, and what a remediation of it writes when
// all is well. The first test finds out.
type regimen struct {
	role, policy string
	name         string // of the policy
	admit        func(w *ward, ctx context.Context, patient string) error
	least        int  // so many writes at least
	varies       bool // what comes at the same moment shares a write, so there may be fewer than in learn, but for these
	// Where patients are not ConfigMaps by themselves:
	sicken func(w *ward, ctx context.Context, patient string) error
	see    func(w *ward, patients []string) map[string][]string // what has become of them

	once     sync.Once
	history  *history
	cloud    *fakecloud.Provider // of the Services that patients may have
	receiver *harness.Receiver   // of the webhook that has the policy's name
	writes   []string
	outcome  string
}

var everything = &regimen{name: "faults", role: role, policy: policy, admit: (*ward).admitOne, least: 30}

// open returns the ward, with a fault proxy and the kubeconfig that leads through it.
func open(t *testing.T, r *regimen) (*ward, *faultproxy.Proxy, string) {
	t.Helper()
	world, _ := shared.Get(t)
	w := &ward{World: world, t: t, regimen: r, services: map[string]string{}}
	r.once.Do(w.learn)
	if r.outcome == "" {
		t.Fatal("there is no undisturbed outcome to compare with")
	}
	proxy, kubeconfig := w.through("proxy")
	return w, proxy, kubeconfig
}

// through is a proxy and the kubeconfig that leads through it.
func (w *ward) through(label string) (*faultproxy.Proxy, string) {
	w.t.Helper()
	proxy, err := faultproxy.Start(faultproxy.Options{Upstream: w.URL(), Authority: w.Authority()})
	harness.Must(w.t, err)
	w.t.Cleanup(proxy.Close)
	kubeconfig, err := w.Account.KubeconfigVia(label, proxy.URL())
	harness.Must(w.t, err)
	return proxy, kubeconfig
}

// run starts an operator; its log is named after the test and the label.
func (w *ward) run(kubeconfig, label string, lease time.Duration) *operator.Operator {
	w.t.Helper()
	return w.Operator(w.t, operator.Options{Kubeconfig: kubeconfig, Name: w.t.Name() + "-" + label,
		Config: fmt.Sprintf(config, lease, lease*2/3)})
}

// learn treats three patients with nothing in the way. All must do alike, or there is nothing to compare with.
func (w *ward) learn() {
	var err error
	w.history, err = newHistory(w.World)
	harness.Must(w.t, err)
	w.cloud, err = fakecloud.Start(context.Background(), fakecloud.Options{Client: w.Client, Class: "cloud.example/" + w.name}) // until the cluster ends
	harness.Must(w.t, err)
	w.receiver, err = w.StartReceiver(context.Background(), w.name)
	harness.Must(w.t, err)
	w.receiver.Script(ticket)
	proxy, kubeconfig := w.through("learn")
	w.Apply(w.t, w.role)
	w.Apply(w.t, w.policy)
	op := w.run(kubeconfig, "undisturbed", 60*time.Second)
	w.AwaitCondition(w.t, w.name, "Ready", "True", "Ready")
	names := []string{w.name + "-calm-1", w.name + "-calm-2", w.name + "-calm-3"}
	w.admit(names)
	w.fallIll(names)
	w.awaitEnd(names, harness.Limit)
	outcomes := w.outcomes(names)
	for _, name := range names {
		var writes []string
		for _, write := range proxy.Writes() {
			if concerns(name, write.URI, write.Body) {
				writes = append(writes, write.Method+" "+write.URI)
			}
		}
		// The phase before the last may be written down or not.
		if w.writes == nil || len(writes) < len(w.writes) {
			w.writes = writes
		}
		if len(writes) < w.least || outcomes[name] != outcomes[names[0]] {
			w.t.Fatalf("%s consists of %d writes:\n%q\nwith the outcome\n%s", name, len(writes), writes, outcomes[name])
		}
	}
	for n, write := range w.writes {
		w.t.Logf("write %d: %s", n+1, write)
	}
	w.t.Logf("the outcome:\n%s", outcomes[names[0]])
	harness.Must(w.t, op.Terminate(w.t.Context()))
	w.outcome = outcomes[names[0]]
}

// patients are names with a common beginning, one for each write of a remediation.
func (w *ward) patients(of string) []string {
	var names []string
	for n := range w.writes {
		names = append(names, fmt.Sprintf("%s-%s-%02d", w.name, of, n+1))
	}
	return names
}

// EveryFaultAtEveryWrite: for each write that a remediation consists of and each disturbance of a request there is
// a patient; all of them at once.
func TestEveryFaultAtEveryWrite(t *testing.T) { everyFault(t, everything) }

func everyFault(t *testing.T, r *regimen) {
	w, proxy, kubeconfig := open(t, r)
	w.run(kubeconfig, "operator", 60*time.Second)
	var all []string
	rules := map[string]*faultproxy.Handle{}
	for of, rule := range map[string]faultproxy.Rule{
		"answer-lost": {Fault: faultproxy.Fault{CutAfter: true}},
		"cut-before":  {Fault: faultproxy.Fault{CutBefore: true}},
		"conflict":    {Fault: faultproxy.Fault{Answer: faultproxy.Conflict()}},
		"throttled":   {Fault: faultproxy.Fault{Answer: faultproxy.TooManyRequests("1")}},
		"error-500":   {Fault: faultproxy.Fault{Answer: faultproxy.InternalError()}},
		"error-503":   {Fault: faultproxy.Fault{Answer: faultproxy.Unavailable()}},
		"error-504":   {AfterAnswer: faultproxy.GatewayTimeout}, // the server has done it nevertheless
		"trickle":     {Fault: faultproxy.Fault{Trickle: 8 << 10}},
	} {
		for n, name := range w.patients(of) {
			rule.Name, rule.Match = name, nth(name, n+1)
			all = append(all, name)
			rules[name] = proxy.Add(rule)
		}
	}
	w.admit(all)
	w.fallIll(all)
	w.awaitEnd(all, 8*time.Minute) // a slow machine takes half of that
	for name, rule := range rules {
		if rule.Applied() == 0 && !w.mayMiss(name) {
			t.Errorf("%s: the write that was to be disturbed was not there", name)
		}
	}
	w.compare(all, w.outcome)
}

// mayMiss says whether a patient's remediation may well have ended before the write that was to be disturbed.
func (r *regimen) mayMiss(patient string) bool {
	n, err := strconv.Atoi(patient[strings.LastIndex(patient, "-")+1:])
	return err == nil && r.varies && n > r.least
}

// nth selects the n-th write of a patient's remediation.
func nth(name string, n int) faultproxy.Match {
	return faultproxy.Match{Writes: true, Nth: n, Predicate: func(q *faultproxy.Request) bool { return concerns(name, q.URI, q.Body) }}
}

// CrashAtEveryWrite: each patient's remediation is halted at another of its writes, half of them before the server
// has seen it and half of them after the server has done it. Then the process is killed and the next one has to make
// sense of what is there.
func TestCrashAtEveryWrite(t *testing.T) { everyCrash(t, everything) }

func everyCrash(t *testing.T, r *regimen) {
	w, proxy, kubeconfig := open(t, r)
	first := w.run(kubeconfig, "first", 60*time.Second)
	killed := make(chan struct{})
	kill := sync.OnceFunc(func() {
		defer close(killed)
		w.Crash(t, first)
	})
	t.Cleanup(kill) // or the proxy waits for ever for those that are held
	hold := func() { <-killed }
	var all []string
	rules := map[string]*faultproxy.Handle{}
	for _, of := range []string{"before", "done"} {
		for n, name := range w.patients(of) {
			all = append(all, name)
			rule := faultproxy.Rule{Name: name, Match: nth(name, n+1)}
			if of == "before" {
				rule.BeforeForward, rule.Fault.CutBefore = func(*faultproxy.Request) { hold() }, true
			} else {
				rule.AfterAnswer, rule.Fault.CutAfter = func(*faultproxy.Request, *http.Response) { hold() }, true
			}
			rules[name] = proxy.Add(rule)
		}
	}
	w.admit(all)
	w.fallIll(all)
	harness.Eventually(t, "every remediation to be at its write", harness.Limit, func() (bool, string) {
		ended, open := w.ended()
		waiting := slices.DeleteFunc(slices.Clone(all), func(name string) bool {
			return rules[name].Applied() > 0 || w.mayMiss(name) && ended[name]
		})
		return len(waiting) == 0, fmt.Sprint(waiting, open)
	})
	// What is done is done: the server has answered those that wait with their answer. They may become more, by the
	// writes that follow the end of a remediation.
	harness.Eventually(t, "the server to have done what it was asked for", harness.Limit, func() (bool, string) {
		answered, halted := 0, 0
		for _, record := range proxy.Writes() {
			if record.Rule != "" && record.Code != 0 {
				answered++
			}
		}
		for _, name := range w.patients("done") {
			halted += rules[name].Applied()
		}
		return answered >= halted, fmt.Sprintf("%d of %d", answered, halted)
	})
	kill()
	w.run(kubeconfig, "second", 60*time.Second)
	w.awaitEnd(all, 2*time.Minute)
	w.compare(all, w.outcome)
}

// TwoLeadersOneFrozen: the leader stands still in the middle of many remediations, as a virtual machine that is
// moved. The standby takes over and finishes all; the first one wakes up, and writes nothing any more.
func TestTwoLeadersOneFrozen(t *testing.T) {
	w, proxy, kubeconfig := open(t, everything)
	other, otherKubeconfig := w.through("standby")
	const lease = 24 * time.Second // a write may take a third of it: what the server cuts short is another test's fault
	first := w.run(kubeconfig, "first", lease)
	harness.Eventually(t, "the first to lead", harness.Limit, func() (bool, string) { return leads(t, first), "" })
	second := w.run(otherKubeconfig, "second", lease)
	all := w.patients("frozen")
	w.admit(all)
	w.fallIll(all)
	half := len(all) * len(w.writes) / 2
	harness.Eventually(t, "half of the writes", harness.Limit, func() (bool, string) {
		n := len(proxy.Writes())
		return n >= half, fmt.Sprintf("%d of %d", n, half)
	})
	harness.Must(t, syscall.Kill(first.Pid(), syscall.SIGSTOP))
	w.awaitEnd(all, lease+2*time.Minute)
	if !leads(t, second) {
		t.Error("the second does not lead")
	}
	if len(other.Writes()) == 0 {
		t.Error("the second had nothing left to do")
	}
	before := len(proxy.Writes())
	harness.Must(t, syscall.Kill(first.Pid(), syscall.SIGCONT))
	harness.Await(t, "the first to end, for its lease is lost", first.Done())
	for _, write := range proxy.Writes()[before:] {
		if strings.Contains(write.URI, "/events") {
			continue // it may still tell what it did before
		}
		t.Errorf("the first has written after its lease was over: %s %s", write.Method, write.URI)
	}
	w.compare(all, w.outcome)
}

func leads(t *testing.T, op *operator.Operator) bool {
	t.Helper()
	return strings.Contains(harness.LogOf(t, op), "Began to lead")
}
