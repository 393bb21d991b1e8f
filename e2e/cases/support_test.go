package cases

import (
	"strings"
	"testing"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
)

// awaitTargets waits for a state of the policy.
func awaitTargets(t *testing.T, w *harness.World, policy string, fits func(*harness.Policy) bool) harness.Policy {
	t.Helper()
	var p harness.Policy
	harness.Eventually(t, "the status of "+policy, harness.Limit, func() (bool, string) {
		p = w.Policy(t, policy)
		return fits(&p), harness.Text(p.Status)
	})
	return p
}

// awaitWaiting waits until the policy says that a sick target waits for this reason, and returns the message.
func awaitWaiting(t *testing.T, w *harness.World, policy, reason string) string {
	t.Helper()
	message := ""
	awaitTargets(t, w, policy, func(p *harness.Policy) bool {
		for _, waiting := range p.Status.Waiting {
			if waiting.Reason == reason {
				message = waiting.Message
				return true
			}
		}
		return false
	})
	return message
}

func wantText(t *testing.T, what, got string, wanted ...string) {
	t.Helper()
	for _, text := range wanted {
		if !strings.Contains(got, text) {
			t.Errorf("%s is %q, want %q in it", what, got, text)
		}
	}
}
