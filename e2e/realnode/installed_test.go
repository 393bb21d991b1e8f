package realnode_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/realnode"
)

// berlin is a window that never closes, for those who know the time zone.
const berlin = `
spec:
  limits:
    windows: [{schedule: "* * * * *", duration: 1h, timeZone: Europe/Berlin}]
`

// operatorInAPod installs the operator as a user does: in its image and a network of its own, without any right on its
// host, with the token and the probes of the kubelet. What differs is what this node lacks: a cluster IP and a second
// node. The module of cpprestsdk and time zones are in the image or not at all.
func (h *host) operatorInAPod(t *testing.T) {
	const api = "kubernetes.default.svc"
	port := forward(t, realnode.Gateway, h.server(t).Host)
	text := h.manifests(t, "config/manager", api, port)
	for was, is := range map[string]string{
		"    leaderElection:":      fmt.Sprintf("    transport: cpprest\n    nodeCommands: {apiServer: %q}\n    leaderElection:", h.server(t).Host),
		"replicas: 2":              "replicas: 1",
		"      serviceAccountName": fmt.Sprintf("      hostAliases: [{ip: %s, hostnames: [%s]}]\n      serviceAccountName", realnode.Gateway, api),
	} {
		if strings.Count(text, was) != 1 {
			t.Fatalf("the manifests have %q %d times:\n%s", was, strings.Count(text, was), text)
		}
		text = strings.Replace(text, was, is, 1)
	}
	h.Apply(t, text)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(h.TryKubectl(t, "", "-n", "kube-remedy", "describe", "pods"))
		}
	})
	h.Kubectl(t, "", "-n", "kube-remedy", "rollout", "status", "deployment/kube-remedy", "--timeout", patience.String())

	text, err := harness.Merge(policy("installed", "{name: vacuum-journal, parameters: [{name: size, value: 1M}]}"), berlin)
	harness.Must(t, err)
	h.remedy(t, "installed", text, "Succeeded")
	jobs, err := h.Client.BatchV1().Jobs("kube-remedy-node").List(t.Context(), metav1.ListOptions{})
	harness.Must(t, err)
	if len(jobs.Items) != 1 || jobs.Items[0].Spec.Template.Spec.Containers[0].Image != realnode.RemedyImage {
		t.Errorf("not one Job with the image of the operator's own pod: %s", harness.Text(jobs.Items))
	}

	pods := func() []corev1.Pod {
		list, err := h.Client.CoreV1().Pods("kube-remedy").List(t.Context(), metav1.ListOptions{})
		harness.Must(t, err)
		return list.Items
	}
	for _, pod := range pods() {
		for _, c := range pod.Status.ContainerStatuses {
			if c.RestartCount != 0 {
				t.Errorf("%s was restarted %d times", pod.Name, c.RestartCount)
			}
		}
	}
	// It ends when it is asked to, and gives its lease back for the next one.
	h.Kubectl(t, "", "-n", "kube-remedy", "delete", "deployment", "kube-remedy", "--cascade=foreground", "--timeout", patience.String())
	lease, err := h.Client.CoordinationV1().Leases("kube-system").Get(t.Context(), "kube-remedy", metav1.GetOptions{})
	harness.Must(t, err)
	if holder := lease.Spec.HolderIdentity; holder != nil && *holder != "" || len(pods()) != 0 {
		t.Errorf("the lease is still held, or there are pods: %s, %d pods", harness.Text(lease.Spec), len(pods()))
	}
}

// forward passes connections on to where only this machine gets, and says at which port. The address may come later:
// that of the gateway does with the first pod.
func forward(t *testing.T, at, to string) (port string) {
	listen := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) {
			harness.Must(t, syscall.SetsockoptInt(int(fd), syscall.SOL_IP, syscall.IP_FREEBIND, 1))
		})
	}}
	listener, err := listen.Listen(t.Context(), "tcp4", net.JoinHostPort(at, "0"))
	harness.Must(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				client.Close()
				continue
			}
			for _, pipe := range [][2]net.Conn{{client, server}, {server, client}} {
				go func() {
					io.Copy(pipe[0], pipe[1])
					pipe[0].Close()
				}()
			}
		}
	}()
	_, port, err = net.SplitHostPort(listener.Addr().String())
	harness.Must(t, err)
	return port
}
