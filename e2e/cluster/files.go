package cluster

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/kube-remedy/kube-remedy/e2e/cluster/binaries"
	"github.com/kube-remedy/kube-remedy/e2e/cluster/pki"
)

const (
	pkiDir         = "pki"
	kubeconfigDir  = "kubeconfig"
	credentialsDir = "credentials"
	logDir         = "logs"
)

// file names something in the data folder.
func (c *Cluster) file(parts ...string) string {
	return filepath.Join(append([]string{c.dir}, parts...)...)
}

// DataDir holds everything of the cluster; it disappears in Stop unless it was given or KeepLogs was called.
func (c *Cluster) DataDir() string { return c.dir }

// LogDir holds one log file per program and the audit log.
func (c *Cluster) LogDir() string { return c.file(logDir) }

// AuditLog is the API server's audit log: JSON lines, see AuditEvents.
func (c *Cluster) AuditLog() string { return c.file(logDir, "audit.log") }

// CAFile is the certificate authority that signs everything in the cluster.
func (c *Cluster) CAFile() string { return c.file(pkiDir, "ca.crt") }

// CAKeyFile is the authority's key: with it a test can make any certificate, see package pki.
func (c *Cluster) CAKeyFile() string { return c.file(pkiDir, "ca.key") }

// AdminKubeconfig is a kubeconfig of a member of system:masters. The operator under test must not use it.
func (c *Cluster) AdminKubeconfig() string { return c.file(kubeconfigDir, "admin") }

func (c *Cluster) kubeconfigOf(p binaries.Program) string { return c.file(kubeconfigDir, string(p)) }

// writeFiles fills the data folder with certificates, kubeconfigs and the audit policy.
func (c *Cluster) writeFiles() error {
	for _, dir := range []string{pkiDir, kubeconfigDir, credentialsDir, logDir} {
		if err := os.MkdirAll(c.file(dir), 0o700); err != nil {
			return err
		}
	}
	if err := c.writeAuthority(); err != nil {
		return fmt.Errorf("making certificates: %w", err)
	}
	for _, identity := range []struct {
		path   string
		user   string
		groups []string
	}{
		{c.AdminKubeconfig(), "kube-remedy-admin", []string{"system:masters"}},
		{c.kubeconfigOf(binaries.ControllerManager), "system:kube-controller-manager", nil},
		{c.kubeconfigOf(binaries.Scheduler), "system:kube-scheduler", nil},
	} {
		pair, err := c.authority.IssueClient(identity.user, identity.groups...)
		if err != nil {
			return err
		}
		if err := writeEmbeddedKubeconfig(identity.path, c.URL(), c.authority.CertPEM(), pair); err != nil {
			return err
		}
	}
	return os.WriteFile(c.file("audit-policy.yaml"), []byte(auditPolicy), 0o600)
}

func (c *Cluster) writeAuthority() error {
	var err error
	if c.authority, err = pki.NewAuthority("kube-remedy local cluster"); err != nil {
		return err
	}
	if err := c.authority.Write(c.CAFile(), c.CAKeyFile()); err != nil {
		return err
	}
	serving, err := c.authority.IssueServer("kube-apiserver", "127.0.0.1", "localhost", "kubernetes.default.svc")
	if err != nil {
		return err
	}
	if err := serving.Write(c.file(pkiDir, "apiserver.crt"), c.file(pkiDir, "apiserver.key")); err != nil {
		return err
	}
	kubelet, err := c.authority.IssueClient("kube-apiserver-kubelet-client", "system:masters")
	if err != nil {
		return err
	}
	if err := kubelet.Write(c.file(pkiDir, "kubelet-client.crt"), c.file(pkiDir, "kubelet-client.key")); err != nil {
		return err
	}
	public, private, err := pki.NewSigningKey()
	if err != nil {
		return err
	}
	return pki.Pair{CertPEM: public, KeyPEM: private}.Write(c.file(pkiDir, "sa.pub"), c.file(pkiDir, "sa.key"))
}
