package cases

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

// berlin is a window that never closes, in a time zone that has to be known.
const berlin = `
spec:
  limits:
    windows: [{schedule: "* * * * *", duration: 1h, timeZone: Europe/Berlin}]
`

// What the image holds is all that the program finds there: time zones and the module of cpprestsdk, too.
func TestTheImageHoldsWhatTheProgramNeeds(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may run a program in another root file system")
	}
	const ns = "image"
	root := filepath.Join(t.TempDir(), "root")
	harness.Must(t, operator.LayOutImage(t.Context(), root))
	w, _ := bare.Get(t)
	mount(t, "proc", filepath.Join(root, "proc"), "proc", 0)
	files := filepath.Dir(w.LogDir()) // configuration and credentials
	mount(t, files, filepath.Join(root, files), "", syscall.MS_BIND)
	w.Namespace(t, ns)
	w.DaemonSet(t, ns, "d", map[string]string{"sick": "yes"})
	w.Operator(t, operator.Options{Name: ns, Root: root, Args: []string{"--transport", "cpprest"}})
	w.ApplyPolicy(t, ns, ns, harness.Gated, berlin)
	w.AwaitStep(t, ns, "waitFor")
	cure(t, w, ns, "d")
	w.AwaitPhase(t, ns, "Succeeded")
}

func mount(t *testing.T, source, target, kind string, flags uintptr) {
	t.Helper()
	harness.Must(t, os.MkdirAll(target, 0o755))
	harness.Must(t, syscall.Mount(source, target, kind, flags, ""))
	t.Cleanup(func() { harness.Must(t, syscall.Unmount(target, syscall.MNT_DETACH)) })
}
