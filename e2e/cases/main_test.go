// Package cases holds how kube-remedy must behave, on a real control plane, with client-go as the judge.
package cases

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
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
	if all := flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.skip").Value.String() == ""; all && code == 0 {
		code = checkGrants()
	}
	os.Exit(code)
}

// checkGrants, when all cases have run, fails when a shipped role grants something that no case needed: it could be
// taken away and nobody would notice, so it is too much, or a case is missing.
func checkGrants() int {
	folder, err := operator.Manifests("config/rbac")
	if err == nil {
		var roles string
		if roles, err = operator.Kubectl(context.Background(), "", nil, "kustomize", folder); err == nil {
			var unused []string
			if unused, err = harness.UnusedGrants(roles); err == nil && len(unused) == 0 {
				return 0
			}
			fmt.Printf("FAIL: no case needs these grants of config/rbac:\n  %s\n", strings.Join(unused, "\n  "))
		}
	}
	if err != nil {
		fmt.Println("FAIL:", err)
	}
	return 1
}
