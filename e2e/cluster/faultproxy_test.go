package cluster_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
	"github.com/kube-remedy/kube-remedy/e2e/cluster/clustertest"
	"github.com/kube-remedy/kube-remedy/e2e/faultproxy"
)

// TestAServiceAccountWorksThroughTheFaultProxy is how the operator is tested: its own identity, its own RBAC, and
// a proxy that loses an answer and cuts a watch.
func TestAServiceAccountWorksThroughTheFaultProxy(t *testing.T) {
	t.Parallel()
	c := clustertest.Start(t, cluster.Options{})
	ctx := t.Context()
	admin := kubernetes.NewForConfigOrDie(c.RESTConfig())
	createNamespace(t, admin, "ops")
	robot := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "robot"}}
	must(t, ignored(admin.CoreV1().ServiceAccounts("ops").Create(ctx, robot, metav1.CreateOptions{})))
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "robot"},
		RoleRef:    rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: "ops", Name: "robot"}},
	}
	must(t, ignored(admin.RbacV1().RoleBindings("ops").Create(ctx, binding, metav1.CreateOptions{})))
	account, err := c.ServiceAccountKubeconfig(ctx, "ops", "robot")
	must(t, err)

	direct := clientOf(t, account.Kubeconfig).CoreV1().ConfigMaps("ops")
	eventually(t, "the server knows the role binding", func() error {
		return ignored(direct.List(ctx, metav1.ListOptions{}))
	})

	proxy, err := faultproxy.Start(faultproxy.Options{Upstream: c.URL(), Authority: c.Authority()})
	must(t, err)
	t.Cleanup(proxy.Close)
	path, err := account.KubeconfigVia("proxy", proxy.URL())
	must(t, err)
	settings := clientOf(t, path).CoreV1().ConfigMaps("ops")

	proxy.Add(faultproxy.Rule{Match: faultproxy.Match{Writes: true, Nth: 1}, Fault: faultproxy.Fault{CutAfter: true}})
	one := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "one"}}
	if _, err := settings.Create(ctx, one, metav1.CreateOptions{}); err == nil || apierrors.IsAlreadyExists(err) {
		t.Errorf("a lost answer gave %v", err)
	}
	if _, err := settings.Create(ctx, one, metav1.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
		t.Errorf("the second attempt gave %v, want AlreadyExists", err)
	}
	writes := proxy.Writes()
	if len(writes) != 2 || writes[0].Code != 201 || writes[0].Outcome != faultproxy.CutAfter || writes[1].Code != 409 {
		t.Errorf("recorded %+v", writes)
	}

	proxy.Add(faultproxy.Rule{Match: faultproxy.Match{Watches: true}, Fault: faultproxy.Fault{CutStreamAfter: faultproxy.Bytes(10)}})
	watch, err := settings.Watch(ctx, metav1.ListOptions{})
	must(t, err)
	for event := range watch.ResultChan() {
		if event.Type != apiwatch.Error {
			t.Errorf("a watch that was cut in its first event delivered %s", event.Type)
		}
	}
}
