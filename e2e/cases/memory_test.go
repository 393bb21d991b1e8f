package cases

import (
	"testing"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

// whole is a patch of ballastPolicy: it keeps all that the ConfigMaps hold.
const whole = `
spec:
  triggers:
  - name: marked
    match:
    - {name: sick, expression: "object.?data.orValue({}).exists(k, object.data[k] == 'sick')"}
`

// The ballast takes some 6 MiB when it is kept whole, and next to nothing for a policy that reads one small field.
func TestAPolicyThatDoesNotFitIntoMemoryGivesWayToTheOthers(t *testing.T) {
	w, _ := bare.Get(t)
	ns := w.Namespace(t, "memory")
	ballast(t, w)
	op := w.Operator(t, operator.Options{Args: []string{"--max-cache-bytes", "3Mi"}})
	w.ApplyPolicy(t, ns, ns)
	memory := harness.RememberMemory(t, op)

	w.Apply(t, harness.PolicyText(t, "large", ballastNamespace, ballastPolicy, whole))
	w.DeleteAtEnd(t, "large")
	w.AwaitCondition(t, "large", "Ready", "False", "CacheBudgetExceeded")
	w.AwaitCondition(t, "large", "Blocked", "True", "CacheBudgetExceeded")
	large := w.Policy(t, "large")
	wantText(t, "what it says", large.Condition("Ready").Message, "at most 3.0 MiB are allowed (watches.maxBytes)",
		"it needs the watch of configmaps in ballast", "It is tried again at ")
	memory.WantBack(t)

	// The other goes on.
	w.DaemonSet(t, ns, "d", map[string]string{"sick": "yes"})
	awaitCured(t, w, ns, "d")

	// Somebody narrows it.
	w.Apply(t, harness.PolicyText(t, "large", ballastNamespace, ballastPolicy))
	w.AwaitCondition(t, "large", "Ready", "True", "Ready")
	w.AwaitCondition(t, "large", "Blocked", "False", "NotBlocked")
}
