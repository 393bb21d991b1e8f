package cases

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

// allowing is a configuration with which a receiver on this machine may be called.
const allowing = hasty + "webhooks: {namespace: kube-remedy, allowNetworks: [127.0.0.0/8]}\n"

// calling is a patch of harness.SelfCuring: what the webhook answers is what cures.
const calling = `
spec:
  remedies:
  - name: cure
    steps:
    - webhook:
        name: %s
        parameters:
        - {name: operation, value: power-cycle}
        - {name: who, expression: "target.namespace + '/' + target.name"}
        deadline: 2m
    - setEnv: {container: main, env: [{name: CURED, valueExpression: "remediation.record['%[1]s'].ticket"}]}
    verify:
    - {name: observed, expression: object.status.observedGeneration == object.metadata.generation}
`

func TestAWebhookIsOneCallAcrossErrorsAndKilledOperators(t *testing.T) {
	w := harness.Start(t, cluster.Options{})
	ns := w.Namespace(t, "webhook")
	w.DaemonSet(t, ns, "d", nil)
	r := w.Receiver(t, "machines")
	r.Script(func(int, harness.Call) (int, string) { return http.StatusInternalServerError, "too early" })

	// An address of this machine is not called as long as nobody says so.
	first := w.Operator(t, operator.Options{Config: hasty + "webhooks: {namespace: kube-remedy}\n", Name: "webhook-1"})
	w.ApplyPolicy(t, ns, ns, harness.SelfCuring, fmt.Sprintf(calling, "machines"))
	w.AwaitRemediation(t, ns, "to be refused the address", func(rem *harness.Remediation) bool {
		return strings.Contains(rem.Status.Message, "webhook machines cannot be called: 127.0.0.1 is a loopback address")
	})
	if n := len(r.Calls()); n != 0 {
		t.Fatalf("the receiver was called %d times", n)
	}
	w.Crash(t, first)

	// Busy twice, then at it; killed meanwhile.
	r.Script(func(n int, _ harness.Call) (int, string) {
		if n <= 2 {
			return http.StatusServiceUnavailable, "busy"
		}
		return http.StatusAccepted, `{"status": "Pending", "message": "switching off", "retryAfter": 1}`
	})
	second := w.Operator(t, operator.Options{Config: allowing, Name: "webhook-2"})
	w.AwaitRemediation(t, ns, "to be told that it is at it", func(rem *harness.Remediation) bool {
		return strings.Contains(rem.Status.Message, "webhook machines is at it: switching off")
	})
	w.Crash(t, second)

	before := r.Script(func(int, harness.Call) (int, string) {
		return http.StatusOK, `{"status": "Done", "message": "it is on again", "evidence": {"ticket": "OPS-7"}}`
	})
	third := w.Operator(t, operator.Options{Config: allowing, Name: "webhook-3"})
	rem := w.AwaitPhase(t, ns, "Succeeded")

	if problems := r.Problems(); len(problems) > 0 {
		t.Errorf("what came was not right: %v", problems)
	}
	calls := r.Calls()
	if before < 3 || len(calls) <= before {
		t.Errorf("%d calls before the second kill, %d in all", before, len(calls))
	}
	if different := slices.Compact(calls); len(different) != 1 {
		t.Errorf("%d different calls, want one: %v", len(different), different)
	}
	if step := rem.Status.Steps[0]; len(step.Writes) != 1 || step.Writes[0].Verb != "Call" || step.Writes[0].Outcome != "Applied" {
		t.Errorf("the step's writes are %s", harness.Text(step))
	}
	last := rem.Status.Evidence[len(rem.Status.Evidence)-1]
	wantText(t, "the evidence", last.Source+" "+last.Message, "webhook.machines", `{"ticket":"OPS-7"}`)
	if got := w.GetDaemonSet(t, ns, "d").Spec.Template.Spec.Containers[0].Env; len(got) != 1 || got[0].Value != "OPS-7" {
		t.Errorf("the env is %+v", got)
	}

	// What is secret stands nowhere.
	seen := w.Kubectl(t, "", "get", "rem,rempol,events", "-A", "-o", "yaml")
	for _, op := range []*operator.Operator{first, second, third} {
		log, err := os.ReadFile(op.Log())
		harness.Must(t, err)
		seen += string(log)
	}
	for _, secret := range []string{harness.BearerToken, harness.SigningKey, "tenant=blue", base64.StdEncoding.EncodeToString([]byte(harness.SigningKey))} {
		if strings.Contains(seen, secret) {
			t.Errorf("%q is in a log or in the cluster", secret)
		}
	}
}
