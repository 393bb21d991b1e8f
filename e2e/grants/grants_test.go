// Package grants takes the rules of the shipped roles away, one by one: each has to be missed.
package grants

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
	"github.com/kube-remedy/kube-remedy/e2e/faultproxy"
	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

const config = `
log: {level: debug, format: text}
leaderElection: {leaseDuration: 60s, renewDeadline: 50s, retryPeriod: 200ms}
limits: {breakerCalm: 1s, relapse: 1s, revertWindow: 1s, secondLook: 100ms, exemptFromNodeBudget: [%s]}
timing: {retryInitial: 50ms, retryMax: 500ms, recheck: 50ms, statusInterval: 100ms, progressInterval: 100ms, pruneInterval: 500ms}
watches: {settle: 50ms, backoffInitial: 50ms, backoffMax: 300ms}
webhooks: {namespace: kube-remedy, allowHttp: true, allowNetworks: [127.0.0.0/8]}
`

// A scenario needs every rule of some roles. It begins with all other roles' rules; a rule of its own is given back
// only when somebody can see that it is missing.
type scenario struct {
	name  string
	roles []string
	// world makes the objects in a namespace of the scenario's name; they are sick.
	world    func(l *lab)
	policies []string // by their names in texts
	texts    []string
	// goal tells whether all has been done, or what has not. Left out: treated.
	goal func(l *lab) string
	// silent are rules without which nobody says a word, but the goal is not reached.
	silent []string
	// elsewhere are rules whose want takes longer to show than a test may last, and the test that shows it.
	elsewhere map[string]string
	rules     []faultproxy.Rule
	// again does what a person would, before another attempt.
	again func(l *lab)
	env   []string // of the operator
}

// A lab plays one scenario.
type lab struct {
	*testing.T
	*harness.World
	scenario
	shipped shelf
	given   map[rule]bool
	stage   int // for goals that go on to do something
	op      *operator.Operator
	begun   time.Time
	via     string // the kubeconfig
	started int
	edits   int
}

// TestEveryRuleIsMissed: without a rule of a shipped role some policy says that it may not do what it has to, or
// what should come does not; with what is missed given back one by one, all is done in the end. What was never missed is
// too much.
func TestEveryRuleIsMissed(t *testing.T) {
	w := harness.Start(t, cluster.Options{Scheduler: true, Kwok: true})
	shipped := shippedRoles(t)
	proxy, err := faultproxy.Start(faultproxy.Options{Upstream: w.URL(), Authority: w.Authority()})
	harness.Must(t, err)
	t.Cleanup(proxy.Close)
	via, err := w.Account.KubeconfigVia("proxy", proxy.URL())
	harness.Must(t, err)
	w.Apply(t, harness.NodeMaintenanceCRD)
	takeAway(t, w)
	tried := map[string]bool{}
	for _, s := range scenarios() {
		for _, role := range s.roles {
			tried[role] = true
			if len(shipped[role]) == 0 {
				t.Errorf("there is no role %s", role)
			}
		}
		t.Run(s.name, func(t *testing.T) {
			// Servers that do not stream lists are asked for pages: both has to be permitted.
			proxy.RemoveAll()
			for _, r := range append(s.rules, noStreamingLists) {
				proxy.Add(r)
			}
			l := &lab{T: t, World: w, scenario: s, shipped: shipped, via: via}
			l.play()
		})
	}
	for role := range shipped {
		if !tried[role] {
			t.Errorf("no scenario is about role %s", role)
		}
	}
}

func (l *lab) play() {
	l.Namespace(l.T, l.name)
	l.begin()
	l.launch()
	defer forget(l.World, l.policies)
	if l.world != nil {
		l.world(l)
	}
	for _, text := range l.texts {
		l.Apply(l.T, text)
	}
	news, nudged, reached := time.Now(), time.Now(), time.Time{}
	for {
		left := l.state()
		if left != "" {
			reached = time.Time{}
		} else if reached.IsZero() {
			reached = time.Now()
		}
		// What is missed on the way to the goal, or besides it, may be told a moment later.
		if left == "" && time.Since(reached) > time.Second && !l.missing() {
			break
		}
		switch {
		case l.restore(l.told()):
			news = time.Now()
		case time.Since(news) > 30*time.Second:
			l.Fatalf("the goal is not reached, and nobody says why: %s\ndenied: %v\n%s", left, denied(l.T, l.World, l.begun),
				harness.Text(l.Policy(l.T, l.policies[0]).Status))
		case time.Since(news) > time.Second && l.restoreUntold(time.Since(news), left):
			news = time.Now()
		}
		if time.Since(news) > 3*time.Second && time.Since(nudged) > 5*time.Second {
			l.nudge() // what was given came too late for the last attempt
			nudged = time.Now()
		}
		time.Sleep(50 * time.Millisecond)
	}
	for _, r := range l.trial() {
		if _, told := l.elsewhere[r.String()]; !l.given[r] && !told {
			l.Errorf("%s of %v is missed by nobody", r, l.roles)
		} else if l.given[r] && told {
			l.Errorf("%s need not be excused any more: it is missed here", r)
		}
	}
	harness.Must(l.T, l.op.Terminate(l.Context()))
}

// trial are the rules that have to be missed.
func (l *lab) trial() (rules []rule) {
	for _, role := range l.roles {
		rules = append(rules, l.shipped[role]...)
	}
	return rules
}

func (l *lab) onTrial(r rule) bool { return slices.Contains(l.trial(), r) }

// begin gives all rules but those on trial, and those that would stand in for them.
func (l *lab) begin() {
	l.given = map[rule]bool{}
	for _, rules := range l.shipped {
		for _, r := range rules {
			// That for its own lease stands in for nothing.
			if r.names != "" && !slices.Contains(l.trial(), r) || !slices.ContainsFunc(l.trial(), r.same) {
				l.given[r] = true
			}
		}
	}
	give(l.T, l.World, l.given)
}

func (l *lab) launch() {
	l.begun = time.Now()
	l.started++
	l.op = l.Launch(l.T, operator.Options{Kubeconfig: l.via, Config: fmt.Sprintf(config, strings.Join(l.policies, ", ")),
		Name: fmt.Sprintf("grants-%s-%d", l.name, l.started), Env: l.env})
}

func (l *lab) relaunch() {
	l.Crash(l.T, l.op)
	l.launch()
}

// told are the denials that somebody can read of: in the status of a policy, a Remediation or a budget, or as trouble
// with a watch, of which there is a metric and an alert.
func (l *lab) told() []denial {
	var texts strings.Builder
	for _, line := range strings.Split(harness.LogOf(l.T, l.op), "\n") {
		if strings.Contains(line, "Watch did not go on") {
			texts.WriteString(line + "\n")
		}
	}
	for _, policy := range l.policies {
		texts.WriteString(harness.Text(l.Policy(l.T, policy).Status))
		for _, r := range l.Remediations(l.T, policy) {
			texts.WriteString(harness.Text(r.Status))
		}
	}
	return denialsIn(texts.String())
}

// foretold tells whether a policy says, before it tries, that it may not.
func (l *lab) foretold(r rule) bool {
	return slices.ContainsFunc(l.policies, func(policy string) bool {
		shown := l.Policy(l.T, policy)
		ready := shown.Condition("Ready")
		return ready.Reason == "PermissionDenied" && strings.Contains(ready.Message, r.request())
	})
}

// choose finds the rule that allows what was denied: one on trial first.
func (l *lab) choose(d denial) (rule, bool) {
	var candidates []rule
	for _, rules := range l.shipped {
		for _, r := range rules {
			if r.same(d.rule) && (r.namespace == "" || r.namespace == d.in) && !l.given[r] {
				candidates = append(candidates, r)
			}
		}
	}
	if len(candidates) == 0 {
		return rule{}, false
	}
	return slices.MinFunc(candidates, func(a, b rule) int {
		score := func(r rule) (n int) {
			if !l.onTrial(r) {
				n += 2
			}
			if r.namespace == "" {
				n++
			}
			return n
		}
		return cmp.Or(cmp.Compare(score(a), score(b)), strings.Compare(fmt.Sprint(a), fmt.Sprint(b)))
	}), true
}

// restore gives what is denied, and says whether that is anything new. An edit of a policy has it try again.
func (l *lab) restore(denials []denial) bool {
	any := false
	for _, d := range denials {
		if r, found := l.choose(d); found {
			l.given[r], any = true, true
			l.Logf("missed: %s", r)
		}
	}
	if !any {
		return false
	}
	give(l.T, l.World, l.given)
	l.nudge()
	return true
}

// missing tells whether anything was denied that has not been given since.
func (l *lab) missing() bool {
	return slices.ContainsFunc(denied(l.T, l.World, l.begun), func(d denial) bool {
		_, found := l.choose(d)
		return found
	})
}

// restoreUntold gives what was denied and nobody tells of, when somebody has had the time to, and says whether it did.
func (l *lab) restoreUntold(waited time.Duration, left string) bool {
	for _, d := range denied(l.T, l.World, l.begun) {
		r, found := l.choose(d)
		if !found {
			continue
		}
		excused := !l.onTrial(r) || slices.Contains(l.silent, r.String()) || l.foretold(r)
		if !excused && waited < 5*time.Second {
			continue
		}
		if !excused {
			l.Errorf("without %s this is not reached, and nobody says why: %s", r, left)
		}
		l.restore([]denial{d})
		l.relaunch() // what was tried once in vain is not always tried again
		return true
	}
	return false
}

// nudge edits the policies: what has failed is tried again.
func (l *lab) nudge() {
	l.edits++
	if l.again != nil {
		l.again(l)
	}
	for _, policy := range l.policies {
		_, err := l.Dynamic.Resource(harness.Policies).Patch(l.Context(), policy, types.MergePatchType,
			fmt.Appendf(nil, `{"spec":{"description":"edit %d"}}`, l.edits), metav1.PatchOptions{})
		harness.Must(l.T, err)
	}
}

func (l *lab) state() string {
	if l.goal != nil {
		return l.goal(l)
	}
	return l.treated()
}

// treated tells which policy's remedy has not been carried out.
func (l *lab) treated() string {
	for _, policy := range l.policies {
		left := policy + " has no Remediation"
		for _, r := range l.Remediations(l.T, policy) {
			switch r.Status.Phase {
			case "Holding", "Succeeded", "Reported":
			default:
				left = r.String()
				continue
			}
			left = ""
			for _, step := range r.Status.Steps {
				if step.State != "Succeeded" {
					left = step.Action + ": " + step.Message
				}
			}
			if left == "" {
				break
			}
		}
		if left != "" {
			return left
		}
	}
	return ""
}

// all joins goals.
func all(goals ...func(l *lab) string) func(l *lab) string {
	return func(l *lab) string {
		for _, goal := range goals {
			if left := goal(l); left != "" {
				return left
			}
		}
		return ""
	}
}

// some tells that no Remediation of a policy has been like that yet.
func some(policy, what string, fits func(*harness.Remediation) bool) func(l *lab) string {
	return func(l *lab) string {
		for _, r := range l.Remediations(l.T, policy) {
			if fits(&r) {
				return ""
			}
		}
		return "no Remediation of " + policy + " " + what
	}
}

// shows tells that a jsonpath of an object is not (yet) what it should be.
func shows(want, jsonpath string, object ...string) func(l *lab) string {
	return func(l *lab) string {
		out, err := l.TryKubectl(l.T, "", append([]string{"-n", l.name, "get", "-o", "jsonpath=" + jsonpath, "--ignore-not-found"}, object...)...)
		if err == nil && strings.Contains(out, want) && (want != "" || out == "") {
			return ""
		}
		return fmt.Sprintf("%v: %s is %q, not %q", object, jsonpath, out, want)
	}
}
