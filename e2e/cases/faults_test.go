package cases

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kube-remedy/kube-remedy/e2e/faultproxy"
	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

// A faultLab is an operator behind a fault proxy, with the self-curing policy for one namespace and much to list.
type faultLab struct {
	*crashLab
	namespace string
	healed    int
	memory    harness.Memory // of an operator that has done its work once, before anything went wrong
}

func faulty(t *testing.T, ns string) *faultLab {
	t.Helper()
	w, _ := bare.Get(t)
	lab := &faultLab{crashLab: newCrashLab(t, w), namespace: ns}
	w.Namespace(t, ns)
	ballast(t, w)
	op := w.Operator(t, operator.Options{Kubeconfig: lab.kubeconfig})
	w.ApplyPolicy(t, ns, ns, harness.SelfCuring, `{spec: {recovery: {stableFor: 0s}}}`)
	w.ApplyPolicy(t, ns+"-ballast", ballastNamespace, ballastPolicy)
	lab.heal(t, "undisturbed")
	lab.memory = harness.RememberMemory(t, op)
	return lab
}

// heal lets one DaemonSet get sick and be healed by one write.
func (l *faultLab) heal(t *testing.T, name string) {
	t.Helper()
	l.DaemonSet(t, l.namespace, name, nil)
	awaitCured(t, l.World, l.namespace, name)
	l.healed++
	l.WantPatches(t, l.namespace, l.healed)
}

// times matches the first n requests that a condition selects.
func times(n int32, condition func(*faultproxy.Request) bool) func(*faultproxy.Request) bool {
	var count atomic.Int32
	return func(r *faultproxy.Request) bool { return condition(r) && count.Add(1) <= n }
}

func TestAPIServerRestartedInMidRemediation(t *testing.T) {
	w, _ := bare.Get(t)
	ns := w.Namespace(t, "server-restarted")
	ballast(t, w)
	w.DaemonSet(t, ns, "d", map[string]string{"sick": "yes"})
	op := w.Operator(t, operator.Options{})
	w.ApplyPolicy(t, ns+"-ballast", ballastNamespace, ballastPolicy)
	w.ApplyPolicy(t, ns, ns, harness.Gated)
	w.AwaitStep(t, ns, "waitFor")
	memory := harness.RememberMemory(t, op)
	harness.Must(t, w.RestartAPIServer(t.Context()))
	cure(t, w, ns, "d")
	w.AwaitPhase(t, ns, "Succeeded")
	w.WantPatches(t, ns, 1)
	if n := len(w.Remediations(t, ns)); n != 1 {
		t.Errorf("got %d Remediations, want 1", n)
	}
	memory.WantBack(t)
}

func TestWatchesCutAtRandomBytes(t *testing.T) {
	lab := faulty(t, "watches-cut")
	random := rand.New(rand.NewPCG(1, 2026))
	for round := range 20 {
		at := random.Int64N(6000)
		rule := lab.proxy.Add(faultproxy.Rule{
			Match: faultproxy.Match{Watches: true, Predicate: times(4, (*faultproxy.Request).IsWatch)},
			Fault: faultproxy.Fault{CutStreamAfter: faultproxy.Bytes(at)},
		})
		lab.proxy.CutConnections()
		lab.heal(t, fmt.Sprintf("d-%d-cut-at-%d", round, at))
		if rule.Applied() == 0 {
			t.Errorf("round %d: no watch was cut", round)
		}
		lab.proxy.RemoveAll()
	}
	lab.memory.WantBack(t)
}

func TestErrorsOfTheServerAreOutlived(t *testing.T) {
	lab := faulty(t, "errors")
	object := func(r *faultproxy.Request) bool { return !r.IsLease() && !r.IsWatch() }
	for _, c := range []struct {
		name string
		n    int32
		what func(*faultproxy.Request) bool
		with *faultproxy.Answer
	}{
		{"watches-410", 24, (*faultproxy.Request).IsWatch, faultproxy.Expired()},
		{"watches-429", 4, (*faultproxy.Request).IsWatch, faultproxy.TooManyRequests("1")},
		{"watches-500", 6, (*faultproxy.Request).IsWatch, faultproxy.InternalError()},
		{"writes-429", 3, (*faultproxy.Request).IsWrite, faultproxy.TooManyRequests("1")},
		{"writes-500", 5, (*faultproxy.Request).IsWrite, faultproxy.InternalError()},
		{"writes-409", 5, (*faultproxy.Request).IsWrite, faultproxy.Conflict()},
		{"all-500", 12, object, faultproxy.InternalError()},
	} {
		t.Run(c.name, func(t *testing.T) {
			rule := lab.proxy.Add(faultproxy.Rule{Match: faultproxy.Match{Predicate: times(c.n, c.what)}, Fault: faultproxy.Fault{Answer: c.with}})
			lab.proxy.CutConnections()
			lab.heal(t, c.name)
			if rule.Applied() == 0 {
				t.Error("nothing met the error")
			}
			lab.proxy.RemoveAll()
		})
	}
	lab.memory.WantBack(t)
}

// A watch that has to begin anew with a list of 7 MB, streamed and in pages, which breaks off near its end.
func TestListsCutNearTheirEnd(t *testing.T) {
	lab := faulty(t, "lists-cut")
	const cuts = 8
	ballast := func(r *faultproxy.Request) bool { return strings.Contains(r.URI, "/configmaps") }
	lab.proxy.Add(faultproxy.Rule{
		Match: faultproxy.Match{Watches: true, Predicate: times(1, ballast)},
		Fault: faultproxy.Fault{Answer: faultproxy.Expired()},
	})
	rule := lab.proxy.Add(faultproxy.Rule{
		Match: faultproxy.Match{Predicate: times(1+cuts, ballast)}, // the first is the one that has expired
		Fault: faultproxy.Fault{CutStreamAfter: faultproxy.Bytes(5 << 20)},
	})
	lab.proxy.CutConnections()
	harness.Eventually(t, "the lists to be cut", harness.Limit, func() (bool, string) {
		return rule.Applied() == cuts, fmt.Sprint(rule.Applied())
	})
	lab.heal(t, "d")
	lab.memory.WantBack(t)
}

// ResentWriteIsNotContended: every answer to a write is lost once, so that each is met again as our own success.
func TestResentWriteIsNotContended(t *testing.T) {
	lab := faulty(t, "answers-lost")
	lab.proxy.Add(faultproxy.Rule{
		Match: faultproxy.Match{Methods: []string{http.MethodPost, http.MethodPatch, http.MethodPut}, Predicate: times(6, (*faultproxy.Request).IsWrite)},
		Fault: faultproxy.Fault{CutAfter: true},
	})
	lab.heal(t, "d")
	r := lab.AwaitPhase(t, "answers-lost", "Succeeded")
	if r.Status.Contended != nil {
		t.Errorf("contended with ourselves: %+v", r.Status.Contended)
	}
	lab.memory.WantBack(t)
}

func TestARevokedTokenIsReplacedByTheNewOne(t *testing.T) {
	lab := faulty(t, "token-rotated")
	lab.heal(t, "before")
	old, err := os.ReadFile(lab.Account.TokenFile)
	harness.Must(t, err)
	config := rest.AnonymousClientConfig(lab.RESTConfig())
	config.BearerToken = string(old)
	withOld, err := kubernetes.NewForConfig(config)
	harness.Must(t, err)
	harness.Must(t, lab.Account.RotateToken(t.Context()))
	harness.Eventually(t, "the old token to be refused", harness.Limit, func() (bool, string) {
		_, err := withOld.AppsV1().DaemonSets("token-rotated").List(t.Context(), metav1.ListOptions{})
		return err != nil, "it is still accepted"
	})
	lab.heal(t, "after")
	// Also streams that are opened from now on.
	lab.proxy.CutConnections()
	lab.heal(t, "after-reconnecting")
	lab.memory.WantBack(t)
}
