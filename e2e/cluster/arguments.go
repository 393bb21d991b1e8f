package cluster

import (
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/kube-remedy/kube-remedy/e2e/cluster/binaries"
)

// etcdArgs: without fsync, because nobody needs the data after a power failure. Frequent progress notifications
// let the API server's watch cache answer consistent reads and streaming lists without delay.
func (c *Cluster) etcdArgs(peerURL string) []string {
	return append([]string{
		"--name=local",
		"--data-dir=" + filepath.Join(c.dir, "etcd"),
		"--listen-client-urls=" + c.EtcdURL(),
		"--advertise-client-urls=" + c.EtcdURL(),
		"--listen-peer-urls=" + peerURL,
		"--initial-advertise-peer-urls=" + peerURL,
		"--initial-cluster=local=" + peerURL,
		"--unsafe-no-fsync",
		"--watch-progress-notify-interval=5s",
		"--quota-backend-bytes=" + strconv.Itoa(8<<30),
	}, c.options.EtcdArgs...)
}

func (c *Cluster) apiServerArgs() []string {
	args := []string{
		"--etcd-servers=" + c.EtcdURL(),
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", c.apiServer.port.Number),
		"--cert-dir=" + c.file(pkiDir),
		"--tls-cert-file=" + c.file(pkiDir, "apiserver.crt"),
		"--tls-private-key-file=" + c.file(pkiDir, "apiserver.key"),
		"--client-ca-file=" + c.CAFile(),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + c.file(pkiDir, "sa.pub"),
		"--service-account-signing-key-file=" + c.file(pkiDir, "sa.key"),
		"--service-cluster-ip-range=10.96.0.0/16",
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged=true",
		// There is nobody to reach the "kubernetes" Service, and 127.0.0.1 is not allowed as an endpoint.
		"--endpoint-reconciler-type=none",
		"--kubelet-client-certificate=" + c.file(pkiDir, "kubelet-client.crt"),
		"--kubelet-client-key=" + c.file(pkiDir, "kubelet-client.key"),
	}
	if !c.options.NoAudit {
		args = append(args,
			"--audit-policy-file="+c.file("audit-policy.yaml"),
			"--audit-log-path="+c.AuditLog(),
			// The default, but the tests rely on it: a line is there before the client has its answer.
			"--audit-log-mode=blocking",
			// Megabytes until the file would be rotated away under a reader.
			"--audit-log-maxsize=10240",
		)
	}
	return append(args, c.options.APIServerArgs...)
}

func (c *Cluster) controllerManagerArgs(port int) []string {
	return append(append(c.clientArgs(binaries.ControllerManager, port),
		"--use-service-account-credentials",
		"--service-account-private-key-file="+c.file(pkiDir, "sa.key"),
		"--root-ca-file="+c.CAFile(),
		"--cluster-signing-cert-file="+c.CAFile(),
		"--cluster-signing-key-file="+c.CAKeyFile(),
		"--kube-api-qps=200",
		"--kube-api-burst=400",
	), c.options.ControllerManagerArgs...)
}

func (c *Cluster) schedulerArgs(port int) []string {
	return append(append(c.clientArgs(binaries.Scheduler, port),
		"--kube-api-qps=200",
		"--kube-api-burst=400",
	), c.options.SchedulerArgs...)
}

// clientArgs are what the controller-manager and the scheduler have in common.
func (c *Cluster) clientArgs(p binaries.Program, port int) []string {
	kubeconfig := c.kubeconfigOf(p)
	return []string{
		"--kubeconfig=" + kubeconfig,
		"--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig,
		"--leader-elect=false",
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", port),
		"--tls-cert-file=" + c.file(pkiDir, "apiserver.crt"),
		"--tls-private-key-file=" + c.file(pkiDir, "apiserver.key"),
	}
}

func (c *Cluster) kwokArgs(address string) []string {
	return append([]string{
		"--kubeconfig=" + c.AdminKubeconfig(),
		"--config=" + c.programs.KwokStages(),
		"--manage-all-nodes=false",
		"--manage-nodes-with-annotation-selector=" + FakeNodeAnnotation + "=fake",
		"--node-lease-duration-seconds=40",
		"--server-address=" + address,
	}, c.options.KwokArgs...)
}
