package cluster

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/kube-remedy/kube-remedy/e2e/cluster/pki"
)

// ServiceAccount is how a program outside of the cluster gets the rights of a service account. Its folder has
// the names of the volume that a pod would have (token, ca.crt, namespace), and a kubeconfig beside them.
type ServiceAccount struct {
	Namespace, Name string
	Dir             string
	Kubeconfig      string // names the files below, so that a client has to re-read them
	TokenFile       string
	CAFile          string

	client kubernetes.Interface

	mu     sync.Mutex
	anchor string // the Secret that the current token is bound to
}

// ServiceAccountKubeconfig asks for a token of an existing service account and writes it where the returned
// value says.
func (c *Cluster) ServiceAccountKubeconfig(ctx context.Context, namespace, name string) (*ServiceAccount, error) {
	dir, err := c.credentialsFolder("serviceaccount", namespace+"."+name)
	if err != nil {
		return nil, err
	}
	return NewServiceAccount(ctx, c.RESTConfig(), dir, namespace, name)
}

// NewServiceAccount does the same on any cluster, as whoever admin is, and writes into an existing folder.
func NewServiceAccount(ctx context.Context, admin *rest.Config, dir, namespace, name string) (*ServiceAccount, error) {
	client, err := kubernetes.NewForConfig(admin)
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	withFiles := rest.CopyConfig(admin)
	if err := rest.LoadTLSFiles(withFiles); err != nil {
		return nil, err
	}
	s := &ServiceAccount{
		Namespace:  namespace,
		Name:       name,
		Dir:        dir,
		Kubeconfig: filepath.Join(dir, "kubeconfig"),
		TokenFile:  filepath.Join(dir, "token"),
		CAFile:     filepath.Join(dir, "ca.crt"),
		client:     client,
	}
	if err := pki.ReplaceFile(s.CAFile, withFiles.CAData); err != nil {
		return nil, err
	}
	if err := pki.ReplaceFile(filepath.Join(dir, "namespace"), []byte(namespace)); err != nil {
		return nil, err
	}
	if err := s.RotateToken(ctx); err != nil {
		return nil, err
	}
	return s, s.writeKubeconfig(s.Kubeconfig, admin.Host)
}

// KubeconfigVia writes a further kubeconfig, with the same token file, for a proxy whose certificate the
// cluster's authority signed. It returns its path.
func (s *ServiceAccount) KubeconfigVia(label, server string) (string, error) {
	path := s.Kubeconfig + "-" + label
	return path, s.writeKubeconfig(path, server)
}

func (s *ServiceAccount) writeKubeconfig(path, server string) error {
	return writeKubeconfig(path,
		&api.Cluster{Server: server, CertificateAuthority: s.CAFile},
		&api.AuthInfo{TokenFile: s.TokenFile})
}

// RotateToken replaces the token file and revokes the token that was in it before. The server goes on
// accepting the old one for the 10 s that it caches authentications.
func (s *ServiceAccount) RotateToken(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	// A token lives as long as the object it is bound to, so a Secret of its own makes each revocable.
	secrets := s.client.CoreV1().Secrets(s.Namespace)
	anchor, err := secrets.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "token-of-" + s.Name + "-"},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	answer, err := s.client.CoreV1().ServiceAccounts(s.Namespace).CreateToken(ctx, s.Name, &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{BoundObjectRef: &authenticationv1.BoundObjectReference{
			APIVersion: "v1", Kind: "Secret", Name: anchor.Name, UID: anchor.UID,
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("requesting a token of %s/%s: %w", s.Namespace, s.Name, err)
	}
	if err := pki.ReplaceFile(s.TokenFile, []byte(answer.Status.Token)); err != nil {
		return err
	}
	old := s.anchor
	s.anchor = anchor.Name
	if old == "" {
		return nil
	}
	return secrets.Delete(ctx, old, metav1.DeleteOptions{})
}
