package faults

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kube-remedy/kube-remedy/e2e/faultproxy"
	"github.com/kube-remedy/kube-remedy/e2e/harness"
)

// A streamPlan is something that goes wrong with the watches while remediations are under way.
type streamPlan struct {
	name string
	// rules are in force from before the patients fall ill until all is done.
	rules func() []faultproxy.Rule
	until time.Duration // or for so long
	// late: not before the remediations have begun.
	late bool
}

func watches(fault faultproxy.Fault) func() []faultproxy.Rule {
	return func() []faultproxy.Rule {
		return []faultproxy.Rule{{Match: faultproxy.Match{Watches: true}, Fault: fault}}
	}
}

// first are rules for the first n watches.
func first(n int32, fault faultproxy.Fault) func() []faultproxy.Rule {
	return func() []faultproxy.Rule {
		var count atomic.Int32
		return []faultproxy.Rule{{Fault: fault, Match: faultproxy.Match{
			Predicate: func(q *faultproxy.Request) bool { return q.IsWatch() && count.Add(1) <= n }}}}
	}
}

// cuts are streams that end at another byte each.
func cuts() []faultproxy.Rule {
	var rules []faultproxy.Rule
	for n := range 60 {
		rules = append(rules, faultproxy.Rule{Match: faultproxy.Match{Watches: true, Nth: n + 1},
			Fault: faultproxy.Fault{CutStreamAfter: faultproxy.Bytes(int64(n) * 977 % 40000)}})
	}
	return rules
}

var streamPlans = []streamPlan{
	{name: "frozen-view", late: true, until: 3 * time.Second, rules: watches(faultproxy.Fault{FreezeStreamAfter: faultproxy.Bytes(0)})},
	{name: "frozen-later", until: 3 * time.Second, rules: watches(faultproxy.Fault{FreezeStreamAfter: faultproxy.Bytes(20000)})},
	{name: "dropped", late: true, until: 2 * time.Second, rules: watches(faultproxy.Fault{Events: faultproxy.Dropped})},
	{name: "merged", rules: watches(faultproxy.Fault{Events: faultproxy.Merged})},
	{name: "repeated", rules: watches(faultproxy.Fault{Events: faultproxy.Repeated})},
	// What came out of order, the operator waits for until it hears more: it does not guess what it has missed.
	{name: "reordered", until: 3 * time.Second, rules: watches(faultproxy.Fault{Events: faultproxy.Reordered})},
	{name: "cut", rules: cuts},
	{name: "expired", rules: first(8, faultproxy.Fault{Answer: faultproxy.Expired()})},
	{name: "throttled", rules: first(8, faultproxy.Fault{Answer: faultproxy.TooManyRequests("1")})},
	{name: "error-500", rules: first(12, faultproxy.Fault{Answer: faultproxy.InternalError()})},
	{name: "trickle", until: 5 * time.Second, rules: watches(faultproxy.Fault{Trickle: 100 << 10})},
}

// EveryFaultOfWatches: what the operator is told comes late, twice, in another order, in part or not at all. What it
// does stays the same.
func TestEveryFaultOfWatches(t *testing.T) { everyStreamFault(t, everything, 4) }

// everyStreamFault has so many patients for each of the plans with these names, or of all.
func everyStreamFault(t *testing.T, r *regimen, each int, plans ...string) {
	w, proxy, kubeconfig := open(t, r)
	w.run(kubeconfig, "operator", 60*time.Second)
	streamPlans := slices.DeleteFunc(slices.Clone(streamPlans), func(plan streamPlan) bool {
		return len(plans) > 0 && !slices.Contains(plans, plan.name)
	})
	names := func(plan streamPlan) (out []string) {
		for n := range each {
			out = append(out, fmt.Sprintf("%s-%s-watch-%d", w.name, plan.name, n+1))
		}
		return out
	}
	var all []string
	for _, plan := range streamPlans {
		all = append(all, names(plan)...)
	}
	w.admit(all)
	for _, plan := range streamPlans {
		t.Run(plan.name, func(t *testing.T) {
			w := &ward{World: w.World, regimen: w.regimen, t: t}
			proxy.ClearRecords()
			defer proxy.RemoveAll()
			if plan.late {
				w.fallIll(names(plan))
				w.awaitFirstWrites(proxy, names(plan))
			}
			var handles []*faultproxy.Handle
			for _, rule := range plan.rules() {
				handles = append(handles, proxy.Add(rule))
			}
			proxy.CutConnections()
			if !plan.late {
				w.fallIll(names(plan))
			}
			if plan.until != 0 {
				time.Sleep(plan.until) // not a wait for anything: so long it lasts
				proxy.RemoveAll()
				if plan.name == "dropped" { // what is lost is found by the next list
					proxy.Add(faultproxy.Rule{Match: faultproxy.Match{Watches: true, Predicate: resumed()}, Fault: faultproxy.Fault{Answer: faultproxy.Expired()}})
				}
				proxy.CutConnections()
			}
			w.awaitEnd(names(plan), harness.Limit)
			if !slices.ContainsFunc(handles, func(h *faultproxy.Handle) bool { return h.Applied() > 0 }) {
				t.Error("no watch met the fault")
			}
		})
	}
	w.compare(all, w.outcome)
}

// resumed matches each watch once, when it goes on and does not begin with a list.
func resumed() func(*faultproxy.Request) bool {
	var seen sync.Map
	return func(q *faultproxy.Request) bool {
		if q.IsStreamingList() {
			return false
		}
		_, again := seen.LoadOrStore(q.Path, true)
		return !again
	}
}

func (w *ward) awaitFirstWrites(proxy *faultproxy.Proxy, names []string) {
	w.t.Helper()
	harness.Eventually(w.t, "the first writes", harness.Limit, func() (bool, string) {
		writes := proxy.Writes()
		for _, name := range names {
			if !slices.ContainsFunc(writes, func(r faultproxy.Record) bool { return concerns(name, r.URI, r.Body) }) {
				return false, name
			}
		}
		return true, ""
	})
}
