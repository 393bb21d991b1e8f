// Package cases holds how kube-remedy must behave, on a real control plane, with client-go as the judge.
package cases

import (
	"os"
	"testing"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
	"github.com/kube-remedy/kube-remedy/e2e/harness"
)

var (
	// withNodes has pods and an operator: incidents as they happen.
	withNodes = harness.Shared{Options: cluster.Options{Scheduler: true, Kwok: true}, Nodes: 3, Operator: true}
	// withOperator has no nodes: what matters is what the operator makes of objects.
	withOperator = harness.Shared{Operator: true}
	// bare is for tests that start and kill operators themselves.
	bare = harness.Shared{}
)

func TestMain(m *testing.M) {
	code := m.Run()
	for _, shared := range []*harness.Shared{&withNodes, &withOperator, &bare} {
		shared.Close()
	}
	os.Exit(code)
}
