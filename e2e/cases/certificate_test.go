package cases

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/kube-remedy/kube-remedy/e2e/cluster/pki"
	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

// The operator starts with a client certificate that the server does not accept, as one that has expired. It works
// as soon as the files hold a better one, on new connections.
func TestARotatedCertificateIsReadAgain(t *testing.T) {
	w, _ := bare.Get(t)
	ns := w.Namespace(t, "certificate-rotated")
	const user, group = "system:serviceaccount:" + operator.Namespace + ":" + operator.ServiceAccount, "system:serviceaccounts"
	kubeconfig, err := w.ClientCertificateKubeconfig(user, group)
	harness.Must(t, err)
	stranger, err := pki.NewAuthority("stranger")
	harness.Must(t, err)
	issue := func(authority *pki.Authority) {
		pair, err := authority.IssueClient(user, group)
		harness.Must(t, err)
		dir := filepath.Dir(kubeconfig)
		harness.Must(t, pair.Write(filepath.Join(dir, "client.crt"), filepath.Join(dir, "client.key")))
	}
	issue(stranger)
	op := w.Launch(t, operator.Options{Kubeconfig: kubeconfig})
	harness.Eventually(t, "the operator to be refused", harness.Limit, func() (bool, string) {
		log := harness.LogOf(t, op)
		return strings.Contains(log, "Unauthorized") || strings.Contains(log, "certificate"), log
	})
	issue(w.Authority())
	harness.Must(t, op.WaitReady(t.Context()))
	w.DaemonSet(t, ns, "d", nil)
	w.ApplyPolicy(t, ns, ns, harness.SelfCuring, `{spec: {recovery: {stableFor: 0s}}}`)
	awaitCured(t, w, ns, "d")
	w.WantPatches(t, ns, 1)
}
