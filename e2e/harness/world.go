// Package harness is what the behaviour tests share: a cluster with kube-remedy installed, operators that end with
// their test, and questions to the API server, which is the judge of everything.
package harness

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

// A World is a cluster with the kinds, the RBAC and the admission policy of kube-remedy. At most one operator
// leads in it at a time.
type World struct {
	*cluster.Cluster
	Client  kubernetes.Interface
	Dynamic dynamic.Interface
	Account *cluster.ServiceAccount // the operator's identity
	logs    string                  // folder for what operators write
}

// NewWorld starts one; Close ends it. A controller-manager is always part of it: it aggregates ClusterRoles.
func NewWorld(ctx context.Context, options cluster.Options) (*World, error) {
	options.ControllerManager = true
	if options.Progress == nil {
		options.Progress = os.Stderr
	}
	c, err := cluster.Start(ctx, options)
	if err != nil {
		return nil, err
	}
	w := &World{Cluster: c, logs: c.LogDir()}
	if err := w.install(ctx); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return w, nil
}

func (w *World) install(ctx context.Context) (err error) {
	if w.Client, err = kubernetes.NewForConfig(w.RESTConfig()); err != nil {
		return err
	}
	if w.Dynamic, err = dynamic.NewForConfig(w.RESTConfig()); err != nil {
		return err
	}
	if err := operator.Install(ctx, w.AdminKubeconfig()); err != nil {
		return err
	}
	if w.Account, err = w.ServiceAccountKubeconfig(ctx, operator.Namespace, operator.ServiceAccount); err != nil {
		return err
	}
	// An operator that starts before the controller-manager has added up its rights would wait for them.
	return wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		var role *rbacv1.ClusterRole
		role, err := w.Client.RbacV1().ClusterRoles().Get(ctx, "kube-remedy-actions", metav1.GetOptions{})
		return err == nil && len(role.Rules) > 0, nil
	})
}

// Close stops the cluster. What its operators did counts for UnusedGrants.
func (w *World) Close() error {
	if events, err := w.AuditEvents(""); err == nil {
		noteUsage(events)
	}
	return w.Stop()
}

// Start is NewWorld for one test.
func Start(t testing.TB, options cluster.Options) *World {
	t.Helper()
	w, err := NewWorld(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			w.KeepLogs()
		}
		if err := w.Close(); err != nil {
			t.Errorf("stopping the cluster: %v", err)
		}
	})
	return w
}

// Operator starts one that is ready and ends with the test: asked to, so that the next does not have to wait for
// its lease. After a failure the end of its log is shown.
func (w *World) Operator(t testing.TB, options operator.Options) *operator.Operator {
	t.Helper()
	op := w.Launch(t, options)
	if err := op.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	return op
}

// Launch is Operator without waiting until it is ready.
func (w *World) Launch(t testing.TB, options operator.Options) *operator.Operator {
	t.Helper()
	if options.Kubeconfig == "" {
		options.Kubeconfig = w.Account.Kubeconfig
	}
	if options.Name == "" {
		options.Name = strings.ReplaceAll(t.Name(), "/", "_")
	}
	options.Dir = w.logs
	op, err := operator.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		select {
		case <-op.Done():
		default:
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			if err := op.Terminate(ctx); err != nil {
				t.Errorf("the operator did not end well: %v", err)
			}
			op.Kill()
		}
		if t.Failed() {
			w.KeepLogs()
			t.Logf("the log of the operator is %s", op.Log())
		}
	})
	return op
}

// Crash kills an operator, and spares the next one the wait for its lease. Cleanups may call it.
func (w *World) Crash(t testing.TB, op *operator.Operator) {
	t.Helper()
	op.Kill()
	w.ReleaseLease(t)
}

// ReleaseLease is for an operator that was killed by something else than Crash.
func (w *World) ReleaseLease(t testing.TB) {
	t.Helper()
	_, err := w.Client.CoordinationV1().Leases("kube-system").Patch(context.WithoutCancel(t.Context()), "kube-remedy", types.MergePatchType,
		[]byte(`{"spec":{"holderIdentity":""}}`), metav1.PatchOptions{})
	if !apierrors.IsNotFound(err) { // it had not come to make one
		Must(t, err)
	}
}

// Namespace makes a namespace named after the test.
func (w *World) Namespace(t testing.TB, name string) string {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	_, err := w.Client.CoreV1().Namespaces().Create(t.Context(), ns, metav1.CreateOptions{})
	Must(t, err)
	return name
}

// Kubectl runs kubectl as the administrator.
func (w *World) Kubectl(t testing.TB, stdin string, args ...string) string {
	t.Helper()
	out, err := w.TryKubectl(t, stdin, args...)
	Must(t, err)
	return out
}

// TryKubectl is the same where a failure is of interest.
func (w *World) TryKubectl(t testing.TB, stdin string, args ...string) (string, error) {
	var in io.Reader
	if stdin != "" {
		in = strings.NewReader(stdin)
	}
	// A test's own context has ended when its cleanups run.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Minute)
	defer cancel()
	return operator.Kubectl(ctx, w.AdminKubeconfig(), in, args...)
}

// Apply applies objects as YAML with kubectl, as a user would.
func (w *World) Apply(t testing.TB, yaml string, args ...string) {
	t.Helper()
	w.Kubectl(t, yaml, append([]string{"apply", "-f", "-"}, args...)...)
}

// LogOf is the text that an operator has logged so far.
func LogOf(t testing.TB, op *operator.Operator) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Clean(op.Log()))
	Must(t, err)
	return string(text)
}

// Must ends the test on an error.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Await waits for a channel to be closed.
func Await(t testing.TB, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(Limit):
		t.Fatalf("waited %v for %s", Limit, what)
	case <-t.Context().Done():
		t.Fatalf("waiting for %s: %v", what, t.Context().Err())
	}
}

// Eventually waits until the condition holds; state says what was seen last, for the failure.
func Eventually(t testing.TB, what string, limit time.Duration, condition func() (done bool, state string)) {
	t.Helper()
	last := ""
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, limit, true, func(context.Context) (bool, error) {
		done, state := condition()
		last = state
		return done, nil
	})
	if err != nil {
		t.Fatalf("waited %v for: %s\nlast seen: %s", limit, what, last)
	}
}
