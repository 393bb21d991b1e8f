package realnode_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
	"github.com/kube-remedy/kube-remedy/e2e/realnode"
)

const nodeName = "real"

var taskKind = schema.GroupVersionResource{Group: "kube-remedy.io", Version: "v1alpha1", Resource: "nodetasks"}

// A host is the real node with everything that the stories need around it.
type host struct {
	*harness.World
	node *realnode.Node
}

func start(t *testing.T) *host {
	t.Helper()
	if why := realnode.Unsupported(); why != "" {
		t.Skip("no real node can run here: " + why)
	}
	w := harness.Start(t, cluster.Options{Scheduler: true, ControllerManagerArgs: realnode.ControllerManagerArgs})
	for _, folder := range []string{"config/node-commands"} {
		path, err := operator.Manifests(folder)
		harness.Must(t, err)
		w.Kubectl(t, "", "apply", "-k", path)
	}
	node, err := realnode.Start(t.Context(), w.Cluster, nodeName, os.Stderr)
	harness.Must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			console, _ := os.ReadFile(node.Log())
			journal, _ := node.Run(context.Background(), "journalctl", "--no-pager", "-n", "60")
			t.Logf("the console of the node:\n%s\nits journal:\n%s", console, journal)
		}
		harness.Must(t, node.Stop())
	})
	h := &host{w, node}
	h.awaitReady(t, corev1.ConditionTrue, "", 2*time.Minute)
	return h
}

// server is where the API server listens: on this node there is no kube-proxy.
func (h *host) server(t *testing.T) *url.URL {
	t.Helper()
	server, err := url.Parse(h.URL())
	harness.Must(t, err)
	return server
}

// manifests are those of a folder, with RemedyImage and containers that are told where the API server is.
func (h *host) manifests(t *testing.T, folder, host, port string) string {
	t.Helper()
	path, err := operator.Manifests(folder)
	harness.Must(t, err)
	text := h.Kubectl(t, "", "kustomize", path)
	text = strings.ReplaceAll(text, "image: kube-remedy:0.1.0", "image: "+realnode.RemedyImage)
	return strings.ReplaceAll(text, "        env:\n", fmt.Sprintf("        env:\n        - {name: KUBERNETES_SERVICE_HOST, value: %q}\n        - {name: KUBERNETES_SERVICE_PORT, value: %q}\n", host, port))
}

func (h *host) awaitReady(t *testing.T, status corev1.ConditionStatus, message string, limit time.Duration) {
	t.Helper()
	harness.Eventually(t, "Ready="+string(status)+" "+message, limit, func() (bool, string) {
		node, err := h.Client.CoreV1().Nodes().Get(t.Context(), nodeName, metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		for _, c := range node.Status.Conditions {
			if c.Type == corev1.NodeReady {
				return c.Status == status && strings.Contains(c.Message, message), string(c.Status) + ": " + c.Message
			}
		}
		return false, "no condition"
	})
}

// patience is for what a kubelet and a runtime do in their own time.
const patience = 3 * time.Minute

func (h *host) awaitRemediation(t *testing.T, policy, what string, fits func(*harness.Remediation) bool) harness.Remediation {
	t.Helper()
	var newest harness.Remediation
	harness.Eventually(t, "the newest Remediation of "+policy+": "+what, patience, func() (bool, string) {
		all := h.World.Remediations(t, policy)
		if len(all) == 0 {
			return false, "there is none"
		}
		newest = all[len(all)-1]
		return fits(&newest), newest.String() + harness.Text(newest.Status.Steps)
	})
	return newest
}

func (h *host) awaitPhase(t *testing.T, policy, phase string) harness.Remediation {
	t.Helper()
	r := h.awaitRemediation(t, policy, phase, func(r *harness.Remediation) bool { return r.Status.Phase == phase || r.Final() })
	if r.Status.Phase != phase {
		t.Fatalf("got %s, want the phase %s: %s", r.String(), phase, harness.Text(r.Status.Steps))
	}
	return r
}

// mark sets an annotation by which a policy knows its symptom; "" takes it away.
func (h *host) mark(t *testing.T, name, value string) {
	t.Helper()
	var set any
	if value != "" {
		set = value
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]any{"test/" + name: set}}})
	harness.Must(t, err)
	_, err = h.Client.CoreV1().Nodes().Patch(t.Context(), nodeName, types.MergePatchType, patch, metav1.PatchOptions{})
	harness.Must(t, err)
}

// remedy makes a policy that is about marked nodes, marks the node until the steps are over, and returns the remediation
// once it has ended as it is to end.
func (h *host) remedy(t *testing.T, name, policy, phase string) harness.Remediation {
	t.Helper()
	h.Apply(t, policy)
	h.DeleteAtEnd(t, name)
	h.mark(t, name, "yes")
	h.awaitRemediation(t, name, "the steps are over", func(r *harness.Remediation) bool {
		return r.Status.Phase == "Holding" || r.Status.Phase == "Failed"
	})
	h.mark(t, name, "")
	return h.awaitPhase(t, name, phase)
}

func (h *host) task(t *testing.T, command string) *unstructured.Unstructured {
	t.Helper()
	list, err := h.Dynamic.Resource(taskKind).List(t.Context(), metav1.ListOptions{})
	harness.Must(t, err)
	for _, task := range list.Items {
		if name, _, _ := unstructured.NestedString(task.Object, "spec", "nodeCommand"); name == command {
			return &task
		}
	}
	t.Fatalf("there is no NodeTask of %s", command)
	return nil
}

// policy is one whose symptom is the annotation test/NAME, and which runs a command.
func policy(name, command string) string {
	return policyOf(name, "{nodeCommand: "+command+"}")
}

func policyOf(name, steps string) string {
	return fmt.Sprintf(`
apiVersion: kube-remedy.io/v1alpha1
kind: RemediationPolicy
metadata: {name: %[1]s}
spec:
  target: {apiVersion: v1, kind: Node, all: true, includeControlPlane: true}
  triggers:
  - name: marked
    match: [{name: m, expression: "object.metadata.?annotations['test/%[1]s'].hasValue()"}]
  remedies:
  - name: run
    steps: [%[2]s]
    verify: [{name: done, expression: "true"}]
    cureWithin: 1m
  recovery: {stableFor: 1s}
  limits: {maxUnhealthy: 100%%, cooldown: 1s}
`, name, steps)
}

// What people meet on one host, one after the other: it takes a minute to make one.
func TestARealNode(t *testing.T) {
	h := start(t)
	if !t.Run("TheOperatorRunsInAPod", h.operatorInAPod) {
		return
	}
	// A process from here on, with quick times, that does not depend on the runtime that the stories break.
	h.Operator(t, operator.Options{Config: strings.Replace(operator.Quick, "nodeCommands: {", fmt.Sprintf("nodeCommands: {apiServer: %q, ", h.server(t).Host), 1)})
	for _, story := range []struct {
		name string
		play func(*testing.T)
	}{
		{"PruneImagesByJob", h.pruneImagesByJob},
		{"AParameterThatIsAnOrder", h.refusesParameters},
		{"WithoutAnAgentAHungRuntimeReachesTheNextRung", h.hungRuntimeWithoutAgent},
		{"TheAgentStarts", h.startAgent},
		{"AHungRuntimeIsRepairedByTheAgent", h.hungRuntime},
		{"AHungKubeletIsRestartedByTheAgent", h.hungKubelet},
		{"KubeletSettingsGoBackByThemselves", h.kubeletSettings},
		{"AFlagOfAStaticPod", h.staticPodFlag},
		{"Reboot", h.reboot},
	} {
		// What one leaves broken would only make the others slow.
		if !t.Run(story.name, story.play) {
			return
		}
	}
}

func (h *host) pruneImagesByJob(t *testing.T) {
	images := func() string {
		out, err := h.node.Run(t.Context(), "crictl", "images")
		harness.Must(t, err)
		return out
	}
	if before := images(); !strings.Contains(before, "registry.local/unused") {
		t.Fatalf("there is nothing to prune:\n%s", before)
	}
	h.remedy(t, "prune", policy("prune", "{name: prune-images}"), "Succeeded")
	task := h.task(t, "prune-images")
	if via, _, _ := unstructured.NestedString(task.Object, "spec", "via"); via != "Job" {
		t.Errorf("via is %s", via)
	}
	if after := images(); strings.Contains(after, "registry.local/unused") || !strings.Contains(after, "registry.local/pause") {
		t.Errorf("the images that are left:\n%s", after)
	}
}

func (h *host) refusesParameters(t *testing.T) {
	for name, value := range map[string]string{"semicolon": "1M; touch /pwned", "subshell": "$(touch /pwned)", "line": "1M\\ntouch /pwned", "path": "../../pwned"} {
		t.Run(name, func(t *testing.T) {
			command := fmt.Sprintf(`{name: vacuum-journal, parameters: [{name: size, value: "%s"}]}`, value)
			failed := h.remedy(t, name, policy(name, command), "Failed")
			if !strings.Contains(harness.Text(failed.Status.Steps), "does not match ^[1-9]") {
				t.Errorf("it does not say why: %s", harness.Text(failed.Status.Steps))
			}
		})
	}
	if out, err := h.node.Run(t.Context(), "ls", "/pwned"); err == nil {
		t.Errorf("something was executed: %s", out)
	}
}

const stuckRuntime = `
apiVersion: kube-remedy.io/v1alpha1
kind: RemediationPolicy
metadata: {name: %s}
spec:
  target: {apiVersion: v1, kind: Node, all: true, includeControlPlane: true}
  triggers:
  - name: runtime-down
    for: 1s
    condition: {type: Ready, status: ["False"], message: "PLEG is not healthy|container runtime is down"}
  remedies:
  - name: restart-runtime
    steps:
    - nodeCommand: {name: restart-container-runtime, startDeadline: 10s}
    cureWithin: 2m
  - name: tell
    steps: [{notify: {message: The runtime could not be restarted.}}]
  recovery: {stableFor: 2s}
  limits: {maxUnhealthy: 100%%, cooldown: 1h}
`

func (h *host) hungRuntimeWithoutAgent(t *testing.T) {
	h.Apply(t, fmt.Sprintf(stuckRuntime, "no-agent"))
	h.DeleteAtEnd(t, "no-agent")
	harness.Must(t, h.node.Signal(t.Context(), "containerd", "STOP"))
	h.awaitReady(t, corev1.ConditionFalse, "container runtime is down", 3*time.Minute)
	told := h.awaitPhase(t, "no-agent", "Failed")
	if said := harness.Text(told.Status.Steps); !strings.Contains(said, "NotStarted") || !strings.Contains(said, `"Action":"notify","State":"Succeeded"`) {
		t.Errorf("the first rung did not fail because nothing started, or the second was not reached: %s", said)
	}
	jobs, err := h.Client.BatchV1().Jobs("kube-remedy-node").List(t.Context(), metav1.ListOptions{LabelSelector: "kube-remedy.io/node-task"})
	harness.Must(t, err)
	for _, job := range jobs.Items {
		if job.DeletionTimestamp == nil && job.Status.CompletionTime == nil && strings.HasPrefix(job.Name, "restart") {
			t.Errorf("the Job %s is still there", job.Name)
		}
	}
	harness.Must(t, h.node.Signal(t.Context(), "containerd", "CONT"))
	h.awaitReady(t, corev1.ConditionTrue, "", time.Minute)
}

func (h *host) startAgent(t *testing.T) {
	server := h.server(t)
	h.Apply(t, h.manifests(t, "config/agent", server.Hostname(), server.Port()))
	harness.Eventually(t, "the agent's lease", patience, func() (bool, string) {
		lease, err := h.Client.CoordinationV1().Leases("kube-remedy-node").Get(t.Context(), "kube-remedy-agent-"+nodeName, metav1.GetOptions{})
		if err != nil {
			pods, _ := h.Client.CoreV1().Pods("kube-remedy-node").List(t.Context(), metav1.ListOptions{})
			for _, pod := range pods.Items {
				err = fmt.Errorf("%w; pod %s %s %+v", err, pod.Name, pod.Status.Phase, pod.Status.ContainerStatuses)
			}
			return false, err.Error()
		}
		return lease.Spec.RenewTime != nil, fmt.Sprint(lease.Spec)
	})
}

func (h *host) hungRuntime(t *testing.T) {
	h.Apply(t, fmt.Sprintf(stuckRuntime, "agent"))
	h.DeleteAtEnd(t, "agent")
	before, err := h.node.MainPID(t.Context(), "containerd")
	harness.Must(t, err)
	harness.Must(t, h.node.Signal(t.Context(), "containerd", "STOP"))
	h.awaitReady(t, corev1.ConditionFalse, "container runtime is down", 3*time.Minute)
	done := h.awaitPhase(t, "agent", "Succeeded")
	h.awaitReady(t, corev1.ConditionTrue, "", 10*time.Second)
	after, err := h.node.MainPID(t.Context(), "containerd")
	harness.Must(t, err)
	if before == after {
		t.Error("containerd is still the same process")
	}
	wantMoments(t, &done)
}

// wantMoments fails unless the status says when each phase began and ended, one after the other.
func wantMoments(t *testing.T, r *harness.Remediation) {
	t.Helper()
	moments := r.Moments()
	if len(moments) < 7 {
		t.Errorf("the status tells too little: %v", moments)
	}
	last := moments[0]
	for _, m := range moments {
		t.Logf("%8s after the symptom: %s", m.At.Sub(moments[0].At).Round(100*time.Millisecond), m.What)
		if m.At.IsZero() || m.At.Before(last.At) {
			t.Errorf("%s is said to be at %v, and %s before at %v", m.What, m.At, last.What, last.At)
		}
		last = m
	}
}

func (h *host) hungKubelet(t *testing.T) {
	h.Apply(t, `
apiVersion: kube-remedy.io/v1alpha1
kind: RemediationPolicy
metadata: {name: kubelet}
spec:
  target: {apiVersion: v1, kind: Node, all: true, includeControlPlane: true}
  triggers:
  - name: silent
    for: 1s
    condition: {type: Ready, status: ["Unknown"]}
  remedies:
  - name: restart-kubelet
    steps: [{nodeCommand: {name: restart-kubelet}}]
    cureWithin: 2m
  recovery: {stableFor: 2s}
  limits: {maxUnhealthy: 100%, cooldown: 1s}
`)
	h.DeleteAtEnd(t, "kubelet")
	before, err := h.node.MainPID(t.Context(), "kubelet")
	harness.Must(t, err)
	harness.Must(t, h.node.Signal(t.Context(), "kubelet", "STOP"))
	h.awaitReady(t, corev1.ConditionUnknown, "", time.Minute)
	done := h.awaitPhase(t, "kubelet", "Succeeded")
	h.awaitReady(t, corev1.ConditionTrue, "", 10*time.Second)
	// F10: to kill it is not to restart it. Another process runs, as an active unit, and reports.
	if after, err := h.node.MainPID(t.Context(), "kubelet"); err != nil || after == before {
		t.Errorf("the kubelet is process %v, and was %v before (%v)", after, before, err)
	}
	if out, err := h.node.Run(t.Context(), "systemctl", "is-active", "kubelet"); err != nil {
		t.Errorf("the unit is %s: %v", out, err)
	}
	wantMoments(t, &done)
	// F11: what its restart made of Ready is no incident of its own.
	if all := h.World.Remediations(t, "kubelet"); len(all) != 1 {
		t.Errorf("there are %d remediations: %s", len(all), harness.Text(all))
	}
}

func (h *host) kubeletSettings(t *testing.T) {
	h.remedy(t, "qps", policy("qps", "{name: set-kubelet-config, parameters: [{name: kubeAPIQPS, value: '40'}, {name: kubeAPIBurst, value: '80'}]}"), "Succeeded")
	text, err := h.node.Run(t.Context(), "cat", "/var/lib/kubelet/config.yaml")
	harness.Must(t, err)
	if !strings.Contains(text, "kubeAPIQPS: 40\n") || !strings.Contains(text, "# Kept by those who change settings.") {
		t.Errorf("the file is:\n%s", text)
	}
	// A kubelet does not start with a threshold below the other one.
	failed := h.remedy(t, "wrong", policy("wrong", "{name: set-kubelet-config, parameters: [{name: imageGCHighThresholdPercent, value: '10'}, {name: imageGCLowThresholdPercent, value: '90'}]}"), "Failed")
	if !strings.Contains(harness.Text(failed.Status.Steps), "the old content was put back") {
		t.Errorf("it does not say that the file went back: %s", harness.Text(failed.Status.Steps))
	}
	h.awaitReady(t, corev1.ConditionTrue, "", time.Minute)
	again, err := h.node.Run(t.Context(), "cat", "/var/lib/kubelet/config.yaml")
	harness.Must(t, err)
	if again != text {
		t.Errorf("the file is not as it was:\n%s", again)
	}
}

// A static pod as kubeadm makes it, of a program that answers where etcd does.
const staticPod = `apiVersion: v1
kind: Pod
metadata: {name: etcd, namespace: kube-system, labels: {component: etcd, tier: control-plane}}
spec:
  containers:
  - command:
    - /pause
    - --listen-metrics-urls=http://127.0.0.1:2381
    # Kept by those who change flags.
    image: ` + realnode.PauseImage + `
    imagePullPolicy: Never
    name: etcd
  hostNetwork: true
`

func (h *host) staticPodFlag(t *testing.T) {
	const manifest, health, flag = "/etc/kubernetes/manifests/etcd.yaml", "http://127.0.0.1:2381/health", "--quota-backend-bytes=8589934592"
	_, err := h.node.Run(t.Context(), "sh", "-c", "printf %s \"$1\" > "+manifest, "sh", staticPod)
	harness.Must(t, err)
	harness.Eventually(t, "the static pod answers", patience, func() (bool, string) {
		out, err := h.node.Run(t.Context(), "curl", "--fail", "--silent", "--show-error", health)
		return err == nil, out
	})
	h.remedy(t, "flag", policy("flag", "{name: edit-static-pod-flag, parameters: [{name: component, value: etcd}, {name: flag, value: quota-backend-bytes}, "+
		"{name: value, value: '8589934592'}, {name: healthz, value: '"+health+"'}]}"), "Succeeded")
	// The process, not the file: the kubelet has started it anew.
	if out, err := h.node.Run(t.Context(), "pgrep", "--full", "--list-full", "--", flag); err != nil || !strings.Contains(out, "/pause") {
		t.Errorf("nothing runs with the flag: %s (%v)", out, err)
	}
	text, err := h.node.Run(t.Context(), "cat", manifest)
	harness.Must(t, err)
	if want := strings.Replace(staticPod, "2381\n", "2381\n    - "+flag+"\n", 1); text != want {
		t.Errorf("the manifest is:\n%s\nwant:\n%s", text, want)
	}
	// A copy among the manifests would be run, too.
	if out, err := h.node.Run(t.Context(), "ls", "-A", "/etc/kubernetes/manifests"); err != nil || out != ".keep\netcd.yaml\n" {
		t.Errorf("the folder of manifests has: %s (%v)", out, err)
	}
}

func (h *host) reboot(t *testing.T) {
	before, err := h.Client.CoreV1().Nodes().Get(t.Context(), nodeName, metav1.GetOptions{})
	harness.Must(t, err)
	h.remedy(t, "restart", policyOf("restart", "{cordon: {}}, {nodeCommand: {name: reboot}}"), "Succeeded")
	after, err := h.Client.CoreV1().Nodes().Get(t.Context(), nodeName, metav1.GetOptions{})
	harness.Must(t, err)
	if before.Status.NodeInfo.BootID == after.Status.NodeInfo.BootID {
		t.Error("the boot ID is the same")
	}
	if after.Spec.Unschedulable {
		t.Error("the node is still cordoned")
	}
	if boots := h.node.Boots(); boots != 2 {
		t.Errorf("the machine was started %d times", boots)
	}
	// Who is there after the restart finds the marker, and reports instead of running it again.
	harness.Eventually(t, "the task says what came of it", patience, func() (bool, string) {
		task := h.task(t, "reboot")
		phase, _, _ := unstructured.NestedString(task.Object, "status", "phase")
		return phase == "Succeeded", fmt.Sprint(task.Object["status"])
	})
}
