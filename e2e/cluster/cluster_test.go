package cluster_test

import (
	"os"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
	"github.com/kube-remedy/kube-remedy/e2e/cluster/clustertest"
)

func TestClusterServesRestartsAndEnforcesRBAC(t *testing.T) {
	t.Parallel()
	watch := stopwatch(t)
	c := clustertest.Start(t, cluster.Options{ControllerManager: true})
	watch("started etcd, API server and controller-manager")
	ctx := t.Context()
	client := kubernetes.NewForConfigOrDie(c.RESTConfig())

	createNamespace(t, client, "smoke")
	settings := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "settings"}, Data: map[string]string{"answer": "42"}}
	must(t, ignored(client.CoreV1().ConfigMaps("smoke").Create(ctx, settings, metav1.CreateOptions{})))
	watch("created a namespace and a ConfigMap")

	must(t, c.RestartAPIServer(ctx))
	watch("restarted the API server")
	got, err := client.CoreV1().ConfigMaps("smoke").Get(ctx, "settings", metav1.GetOptions{})
	must(t, err)
	if got.Data["answer"] != "42" {
		t.Errorf("the ConfigMap after the restart has %v", got.Data)
	}

	eventually(t, "the controller-manager makes the default service account", func() error {
		return ignored(client.CoreV1().ServiceAccounts("smoke").Get(ctx, "default", metav1.GetOptions{}))
	})
	account, err := c.ServiceAccountKubeconfig(ctx, "smoke", "default")
	must(t, err)
	restricted := clientOf(t, account.Kubeconfig)
	if _, err := restricted.CoreV1().ConfigMaps("smoke").Get(ctx, "settings", metav1.GetOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("reading a ConfigMap without a role: got %v, want Forbidden", err)
	}
	watch("made a service-account kubeconfig and was refused")

	if !wasAudited(t, c, "create", "configmaps", "settings") {
		t.Error("the audit log does not have the creation of the ConfigMap")
	}
	must(t, c.Stop())
	watch("stopped")
	if _, err := os.Stat(c.DataDir()); !os.IsNotExist(err) {
		t.Errorf("the data folder is still there: %v", err)
	}
}

// TestTwoClustersDoNotMeet runs beside the other test, so that three clusters overlap.
func TestTwoClustersDoNotMeet(t *testing.T) {
	t.Parallel()
	first := clustertest.Start(t, cluster.Options{})
	second := clustertest.Start(t, cluster.Options{})
	createNamespace(t, kubernetes.NewForConfigOrDie(first.RESTConfig()), "only-in-first")
	_, err := kubernetes.NewForConfigOrDie(second.RESTConfig()).CoreV1().Namespaces().Get(t.Context(), "only-in-first", metav1.GetOptions{})
	if !apierrors.IsNotFound(err) {
		t.Errorf("the second cluster knows a namespace of the first one: %v", err)
	}
}

func wasAudited(t *testing.T, c *cluster.Cluster, verb, resource, name string) bool {
	t.Helper()
	events, err := c.AuditEvents("")
	must(t, err)
	for _, e := range events {
		if e.Verb == verb && e.ObjectRef != nil && e.ObjectRef.Resource == resource && e.ObjectRef.Name == name {
			return true
		}
	}
	return false
}

// stopwatch returns a function that logs the time since its last call.
func stopwatch(t *testing.T) func(what string) {
	last := time.Now()
	return func(what string) {
		t.Logf("%-60s %6d ms", what, time.Since(last).Milliseconds())
		last = time.Now()
	}
}

func clientOf(t *testing.T, kubeconfig string) kubernetes.Interface {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	must(t, err)
	return kubernetes.NewForConfigOrDie(config)
}
