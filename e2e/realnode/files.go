package realnode

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
)

// What the host's files say. The kubelet talks to the API server every two seconds, so that a test sees within
// seconds what takes a minute elsewhere.
const kubeletConfig = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
# Kept by those who change settings.
cgroupDriver: cgroupfs
failCgroupV1: false
failSwapOn: false
enforceNodeAllocatable: []
localStorageCapacityIsolation: false
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
runtimeRequestTimeout: 10s
nodeStatusUpdateFrequency: 2s
nodeStatusReportFrequency: 10s
nodeLeaseDurationSeconds: 8
syncFrequency: 10s
staticPodPath: /etc/kubernetes/manifests
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: false}
  x509: {clientCAFile: /etc/kubernetes/ca.crt}
authorization: {mode: AlwaysAllow}
tlsCertFile: /etc/kubernetes/kubelet.crt
tlsPrivateKeyFile: /etc/kubernetes/kubelet.key
resolvConf: /etc/resolv.conf
`

const containerdConfig = `version = 3
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "` + PauseImage + `"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  SystemdCgroup = false
`

const containerdUnit = `[Unit]
Description=containerd
[Service]
ExecStart=/usr/local/bin/containerd
ExecStartPost=/usr/local/bin/import-images
Restart=always
RestartSec=1
Delegate=yes
KillMode=process
OOMScoreAdjust=-500
LimitNOFILE=infinity
[Install]
WantedBy=multi-user.target
`

// The images go with the tmpfs at each boot; what is there already is not imported again.
const importImages = `#!/bin/sh
for i in 1 2 3 4 5 6 7 8 9 10; do
  ctr version >/dev/null 2>&1 && break
  sleep 0.5
done
for image in /opt/images/*.tar; do
  ctr -n k8s.io images ls -q | grep -q "$(cat "${image%.tar}.name")" || ctr -n k8s.io images import "$image"
done
`

// On a cgroup v1 host the hierarchies are mounted read-only in a container.
const kubeletUnit = `[Unit]
Description=kubelet
After=containerd.service
[Service]
ExecStartPre=/bin/sh -c 'for c in /sys/fs/cgroup /sys/fs/cgroup/*; do mount -o remount,bind,rw $c 2>/dev/null || true; done'
ExecStart=/usr/local/bin/kubelet --config=/var/lib/kubelet/config.yaml --kubeconfig=/etc/kubernetes/kubelet.conf --hostname-override=%s
Restart=always
RestartSec=1
[Install]
WantedBy=multi-user.target
`

// Gateway is the address of the host in the network of its pods.
const Gateway = "10.244.77.1"

const network = `{"cniVersion": "1.0.0", "name": "real", "plugins": [{"type": "ptp", "ipMasq": false,
 "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.244.77.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
`

// writeFiles puts everything into the node's own layer.
func (n *Node) writeFiles() error {
	client, err := n.cluster.Authority().IssueClient("system:node:"+n.Name, "system:nodes")
	if err != nil {
		return err
	}
	server, err := n.cluster.Authority().IssueServer(n.Name, n.Name, "127.0.0.1")
	if err != nil {
		return err
	}
	kubeconfig := fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: node
contexts: [{name: node, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: %q, certificate-authority: /etc/kubernetes/ca.crt}}]
users: [{name: u, user: {client-certificate-data: %s, client-key-data: %s}}]
`, n.cluster.URL(), base64.StdEncoding.EncodeToString(client.CertPEM), base64.StdEncoding.EncodeToString(client.KeyPEM))
	files := map[string]string{
		"etc/kubernetes/ca.crt":                  string(n.cluster.Authority().CertPEM()),
		"etc/kubernetes/kubelet.conf":            kubeconfig,
		"etc/kubernetes/kubelet.crt":             string(server.CertPEM),
		"etc/kubernetes/kubelet.key":             string(server.KeyPEM),
		"etc/kubernetes/manifests/.keep":         "",
		"var/lib/kubelet/config.yaml":            kubeletConfig,
		"etc/containerd/config.toml":             containerdConfig,
		"etc/cni/net.d/10-real.conflist":         network,
		"etc/crictl.yaml":                        "runtime-endpoint: unix:///run/containerd/containerd.sock\n",
		"etc/hostname":                           n.Name + "\n",
		"etc/resolv.conf":                        "nameserver 127.0.0.1\n",
		"etc/systemd/system/containerd.service":  containerdUnit,
		"etc/systemd/system/kubelet.service":     fmt.Sprintf(kubeletUnit, n.Name),
		"usr/local/bin/import-images":            importImages,
		"etc/systemd/journald.conf.d/small.conf": "[Journal]\nStorage=volatile\nRuntimeMaxUse=32M\n",
	}
	for name, content := range files {
		path := filepath.Join(n.upper, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
			return err
		}
	}
	wants := filepath.Join(n.upper, "etc/systemd/system/multi-user.target.wants")
	if err := os.MkdirAll(wants, 0o755); err != nil {
		return err
	}
	for _, unit := range []string{"containerd.service", "kubelet.service"} {
		if err := os.Symlink("/etc/systemd/system/"+unit, filepath.Join(wants, unit)); err != nil {
			return err
		}
	}
	return nil
}
