package cluster

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/kube-remedy/kube-remedy/e2e/cluster/pki"
)

// URL is the API server's, on the loopback interface. It stays the same over restarts.
func (c *Cluster) URL() string { return "https://" + c.apiServer.port.Address() }

// EtcdURL is etcd's, without TLS.
func (c *Cluster) EtcdURL() string { return "http://" + c.etcd.port.Address() }

// Authority signs every certificate of the cluster, and that of a fault proxy in front of it.
func (c *Cluster) Authority() *pki.Authority { return c.authority }

// RESTConfig is a client configuration of a member of system:masters, without a limit of client-go's own.
func (c *Cluster) RESTConfig() *rest.Config {
	config, err := clientcmd.BuildConfigFromFlags("", c.AdminKubeconfig())
	if err != nil {
		panic(fmt.Sprintf("reading our own kubeconfig: %v", err))
	}
	config.QPS = -1
	return config
}

// ClientCertificateKubeconfig writes a kubeconfig that names a client certificate of this user by its files,
// and returns its path. To call it again for the same user is to rotate the certificate: the files are replaced.
func (c *Cluster) ClientCertificateKubeconfig(user string, groups ...string) (string, error) {
	dir, err := c.credentialsFolder("user", user)
	if err != nil {
		return "", err
	}
	pair, err := c.authority.IssueClient(user, groups...)
	if err != nil {
		return "", err
	}
	certFile, keyFile := filepath.Join(dir, "client.crt"), filepath.Join(dir, "client.key")
	if err := pair.Write(certFile, keyFile); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "kubeconfig")
	return path, writeKubeconfig(path,
		&api.Cluster{Server: c.URL(), CertificateAuthority: c.CAFile()},
		&api.AuthInfo{ClientCertificate: certFile, ClientKey: keyFile})
}

// credentialsFolder makes a folder for one identity.
func (c *Cluster) credentialsFolder(kind, name string) (string, error) {
	dir := c.file(credentialsDir, kind+"-"+url.PathEscape(name))
	return dir, os.MkdirAll(dir, 0o700)
}
