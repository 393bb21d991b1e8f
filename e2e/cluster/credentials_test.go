package cluster_test

import (
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	authenticationv1 "k8s.io/api/authentication/v1"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
	"github.com/kube-remedy/kube-remedy/e2e/cluster/clustertest"
)

func TestCredentialsRotate(t *testing.T) {
	t.Parallel()
	c := clustertest.Start(t, cluster.Options{})
	admin := kubernetes.NewForConfigOrDie(c.RESTConfig())
	createNamespace(t, admin, "ops")
	robot := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "robot"}}
	must(t, ignored(admin.CoreV1().ServiceAccounts("ops").Create(t.Context(), robot, metav1.CreateOptions{})))

	account, err := c.ServiceAccountKubeconfig(t.Context(), "ops", "robot")
	must(t, err)
	if got, want := whoAmI(t, account.Kubeconfig), "system:serviceaccount:ops:robot"; got != want {
		t.Errorf("the token says %q, want %q", got, want)
	}
	first := read(t, account.TokenFile)
	must(t, account.RotateToken(t.Context()))
	if read(t, account.TokenFile) == first {
		t.Error("the token file did not change")
	}
	if got := whoAmI(t, account.Kubeconfig); !strings.HasSuffix(got, ":robot") {
		t.Errorf("the new token says %q", got)
	}
	eventually(t, "the old token is revoked", func() error {
		review := &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: first}}
		answer, err := admin.AuthenticationV1().TokenReviews().Create(t.Context(), review, metav1.CreateOptions{})
		if err == nil && answer.Status.Authenticated {
			return os.ErrExist
		}
		return err
	})

	path, err := c.ClientCertificateKubeconfig("alice", "people")
	must(t, err)
	before := read(t, path)
	again, err := c.ClientCertificateKubeconfig("alice", "people")
	must(t, err)
	if again != path || read(t, path) != before {
		t.Error("rotating a certificate changed the kubeconfig, not only the files it names")
	}
	if got := whoAmI(t, path); got != "alice" {
		t.Errorf("the certificate says %q, want alice", got)
	}
}

func whoAmI(t *testing.T, kubeconfig string) string {
	t.Helper()
	reviews := clientOf(t, kubeconfig).AuthenticationV1().SelfSubjectReviews()
	answer, err := reviews.Create(t.Context(), &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	must(t, err)
	return answer.Status.UserInfo.Username
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	return string(text)
}
