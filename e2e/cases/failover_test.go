package cases

import (
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

// short is operator.Quick with a lease that is over soon.
var short = strings.Replace(operator.Quick, "leaseDuration: 60s, renewDeadline: 50s", "leaseDuration: 15s, renewDeadline: 10s", 1)

func leads(t *testing.T, op *operator.Operator) bool {
	t.Helper()
	return strings.Contains(harness.LogOf(t, op), "Began to lead")
}

// twoReplicas starts a remediation that waits in mid-way, with a leader and a standby.
func twoReplicas(t *testing.T, ns string) (w *harness.World, leader, standby *operator.Operator) {
	t.Helper()
	w, _ = bare.Get(t)
	w.Namespace(t, ns)
	w.DaemonSet(t, ns, "d", map[string]string{"sick": "yes"})
	leader = w.Operator(t, operator.Options{Config: short, Name: ns + "-leader"})
	harness.Eventually(t, "the first to lead", harness.Limit, func() (bool, string) { return leads(t, leader), "" })
	standby = w.Operator(t, operator.Options{Config: short, Name: ns + "-standby"})
	w.ApplyPolicy(t, ns, ns, harness.Gated)
	w.AwaitStep(t, ns, "waitFor")
	if leads(t, standby) {
		t.Error("both lead")
	}
	return w, leader, standby
}

// wantTakeover expects the standby to lead within a limit and to bring the remediation to its end.
func wantTakeover(t *testing.T, w *harness.World, ns string, standby *operator.Operator, limit time.Duration) {
	t.Helper()
	begin := time.Now()
	harness.Eventually(t, "the standby to lead", limit, func() (bool, string) { return leads(t, standby), "" })
	t.Logf("taken over after %v", time.Since(begin).Round(time.Millisecond))
	cure(t, w, ns, "d")
	w.AwaitPhase(t, ns, "Succeeded")
	w.WantPatches(t, ns, 1)
	if n := len(w.Remediations(t, ns)); n != 1 {
		t.Errorf("got %d Remediations, want 1", n)
	}
	if strings.Contains(harness.LogOf(t, standby), "Created remediation") {
		t.Error("the standby made one of its own")
	}
}

func TestKilledLeaderIsReplacedWhenItsLeaseIsOver(t *testing.T) {
	const ns = "leader-killed"
	w, leader, standby := twoReplicas(t, ns)
	leader.Kill()
	wantTakeover(t, w, ns, standby, 15*time.Second+5*time.Second) // the lease, a retry period and a slow machine
}

func TestStoppedLeaderGivesItsLeaseBack(t *testing.T) {
	const ns = "leader-stopped"
	w, leader, standby := twoReplicas(t, ns)
	harness.Must(t, leader.Terminate(t.Context()))
	wantTakeover(t, w, ns, standby, 5*time.Second)
}

func TestSecondInstallationStandsBy(t *testing.T) {
	w, _ := bare.Get(t)
	ns := w.Namespace(t, "second-installation")
	_, err := w.Client.CoreV1().ServiceAccounts(ns).Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "another"}}, metav1.CreateOptions{})
	harness.Must(t, err)
	subjects := []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: ns, Name: "another"}}
	for _, role := range []string{"kube-remedy-controller", "kube-remedy-actions"} {
		_, err := w.Client.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "another-" + role},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
			Subjects:   subjects,
		}, metav1.CreateOptions{})
		harness.Must(t, err)
	}
	_, err = w.Client.RbacV1().RoleBindings("kube-system").Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "another"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "kube-remedy-leader-election"},
		Subjects:   subjects,
	}, metav1.CreateOptions{})
	harness.Must(t, err)
	account, err := w.ServiceAccountKubeconfig(t.Context(), ns, "another")
	harness.Must(t, err)

	first := w.Operator(t, operator.Options{Name: "installation-1"})
	harness.Eventually(t, "the first to lead", harness.Limit, func() (bool, string) { return leads(t, first), "" })
	second := w.Operator(t, operator.Options{Name: "installation-2", Kubeconfig: account.Kubeconfig})
	w.DaemonSet(t, ns, "d", map[string]string{"sick": "yes"})
	w.ApplyPolicy(t, ns, ns)
	awaitCured(t, w, ns, "d")
	w.WantPatches(t, ns, 1)
	if leads(t, second) {
		t.Error("the second installation leads too")
	}
}
