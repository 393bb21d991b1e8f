package cases

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

// cpprestsdk is a module that is loaded when it is asked for, and only then: it takes 3 MB.
func TestEitherTransportHeals(t *testing.T) {
	for _, transport := range []string{"beast", "cpprest"} {
		t.Run(transport, func(t *testing.T) {
			ns := "transport-" + transport
			w, _ := bare.Get(t)
			w.Namespace(t, ns)
			w.DaemonSet(t, ns, "d", map[string]string{"sick": "yes"})
			op := w.Operator(t, operator.Options{Name: ns, Args: []string{"--transport", transport}})
			maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", op.Pid()))
			harness.Must(t, err)
			for _, library := range []string{"kube-remedy-cpprest.so", "libcpprest.so"} {
				if loaded := strings.Contains(string(maps), library); loaded != (transport == "cpprest") {
					t.Errorf("%s is loaded: %v", library, loaded)
				}
			}
			w.ApplyPolicy(t, ns, ns, harness.Gated)
			w.AwaitStep(t, ns, "waitFor")
			cure(t, w, ns, "d")
			w.AwaitPhase(t, ns, "Succeeded")
			w.WantPatches(t, ns, 1)
		})
	}
}
