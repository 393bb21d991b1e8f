package catalogue

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

// A sickNode is a simulated node whose host is played by the test: commands are run at once.
type sickNode struct {
	*incident
	node  string
	token string
}

// playOnNode is play for policies about nodes: each test has a node of its own, and the others are well.
func playOnNode(t *testing.T, policy, node string, hurry ...string) *sickNode {
	t.Helper()
	s := wellNode(t, node)
	s.incident = play(t, "node/"+policy, "", "", hurry...)
	return s
}

// wellNode makes the node of a test.
func wellNode(t *testing.T, node string) *sickNode {
	t.Helper()
	w, _ := withNodes.Get(t)
	commands, err := operator.Manifests("config/node-commands")
	harness.Must(t, err)
	w.Kubectl(t, "", "apply", "-k", commands)
	w.Apply(t, fmt.Sprintf("apiVersion: v1\nkind: Node\nmetadata: {name: %s}\n", node))
	t.Cleanup(func() { // the test's own context has ended by then
		_ = w.Client.CoreV1().Nodes().Delete(context.WithoutCancel(t.Context()), node, metav1.DeleteOptions{})
	})
	s := &sickNode{&incident{T: t, w: w}, node, w.NodeToken(t, node)}
	s.set("KubeletReady", "Ready=True")
	s.renew()
	return s
}

// renew keeps the node's lease fresh, as its kubelet does.
func (s *sickNode) renew() {
	s.Helper()
	leases, name := s.w.Client.CoordinationV1().Leases("kube-node-lease"), s.node
	ctx, cancel := context.WithCancel(context.Background())
	seconds := int32(40)
	lease, err := leases.Create(ctx, &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: &name, LeaseDurationSeconds: &seconds, RenewTime: &metav1.MicroTime{Time: time.Now()}},
	}, metav1.CreateOptions{})
	harness.Must(s, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.NewTicker(5 * time.Second); ctx.Err() == nil; {
			select {
			case <-ctx.Done():
			case <-tick.C:
				lease.Spec.RenewTime = &metav1.MicroTime{Time: time.Now()}
				if updated, err := leases.Update(ctx, lease, metav1.UpdateOptions{}); err == nil {
					lease = updated
				}
			}
		}
	}()
	s.Cleanup(func() {
		cancel()
		<-done
		leases.Delete(context.Background(), name, metav1.DeleteOptions{})
	})
}

// wantIdle fails when the policy does something about what was just made.
func (s *sickNode) wantIdle(why string) {
	s.Helper()
	time.Sleep(4 * time.Second) // longer than any `for` here
	if all := s.w.Remediations(s, s.policy); len(all) != 0 {
		s.Errorf("%s: %v", why, all[0].String())
	}
}

// set writes conditions ("Type=Status") with a message.
func (s *sickNode) set(message string, conditions ...string) {
	s.Helper()
	var all []string
	for _, c := range conditions {
		kind, status, _ := strings.Cut(c, "=")
		all = append(all, fmt.Sprintf(`{"type":%q,"status":%q,"reason":%q,"message":%q,"lastTransitionTime":%q,"lastHeartbeatTime":%q}`,
			kind, status, map[bool]string{true: "KubeletNotReady", false: "KubeletReady"}[kind == "Ready" && status != "True"], message, ago(time.Hour), ago(0)))
	}
	s.status(`{"status":{"conditions":[`+strings.Join(all, ",")+`],"nodeInfo":{"bootID":"b1","systemUUID":"s1","kubeletVersion":"v1.26.1","osImage":"Ubuntu 22.04.5 LTS","containerRuntimeVersion":"containerd://2.1.0"}}}`, "node", s.node)
}

// event is one about the node.
func (s *sickNode) event(reason, message string, count int) {
	s.Helper()
	s.w.Apply(s.T, fmt.Sprintf(`
apiVersion: v1
kind: Event
metadata: {name: %[1]s.%[2]s, namespace: default}
type: Warning
reason: %[3]s
message: %[4]q
involvedObject: {apiVersion: v1, kind: Node, name: %[1]s, uid: %[1]s}
source: {component: kubelet, host: %[1]s}
count: %[5]d
firstTimestamp: %[6]s
lastTimestamp: %[6]s
`, s.node, strings.ToLower(reason), reason, message, count, ago(0)))
}

// ran waits for a task of the NodeCommand and says that it has succeeded, as its node would.
func (s *sickNode) ran(command string) string {
	s.Helper()
	task := s.w.AwaitNodeTask(s, command, s.node, "")
	harness.Must(s, harness.ReportNodeTask(s.Context(), s.w.AsToken(s.T, s.token), task.GetName(), `{"phase":"Succeeded","message":"1 command was run"}`))
	return harness.Text(task.Object["spec"])
}

// R38: a runtime that hangs; not at once, and in this order.
func TestR38PLEG(t *testing.T) {
	s := playOnNode(t, "node-pleg-unhealthy", "pleg", "for: 3m", "for: 2s")
	s.w.Kubectl(t, "", "cordon", s.node)
	s.set("PLEG is not healthy: pleg was last seen active 3m5s ago; threshold is 3m0s", "Ready=False")
	s.wantIdle("a person had cordoned the node")
	s.w.Kubectl(t, "", "uncordon", s.node)
	s.ran("daemon-reexec")
	if spec := s.ran("restart-container-runtime"); !strings.Contains(spec, `"containerd.service"`) {
		t.Errorf("the task is %s", spec)
	}
	s.ran("restart-kubelet")
	s.set("KubeletReady", "Ready=True")
	s.cured()
	s.wantOne("node", s.node)
}

// R42: the runtime is down; the next rung restarts the kubelet, too.
func TestR42RuntimeStuck(t *testing.T) {
	s := playOnNode(t, "node-runtime-stuck", "stuck", "for: 3m", "for: 2s", "cureWithin: 5m", "cureWithin: 4s")
	s.set("[container runtime is down, node is shutting down]", "Ready=False")
	s.wantIdle("the node shut down")
	s.set("container runtime is down", "Ready=False")
	s.ran("restart-container-runtime")
	s.ran("daemon-reexec")
	s.ran("restart-container-runtime")
	s.ran("restart-kubelet")
	s.set("KubeletReady", "Ready=True")
	s.cured()
	s.wantOne("node", s.node)
}

// R35: twice is not yet again and again.
func TestR35ImageGC(t *testing.T) {
	s := playOnNode(t, "node-image-gc-failed", "gc")
	const message = "Failed to garbage collect required amount of images. Attempted to free 5 bytes, but only found 0 bytes eligible to free."
	s.event("ImageGCFailed", message, 2)
	s.w.Kubectl(t, "", "annotate", "--overwrite", "node", s.node, "looked-at=first")
	s.event("FreeDiskSpaceFailed", message, 1)
	s.ran("prune-images")
	s.ran("vacuum-journal")
	s.cured()
	s.wantOne("node", s.node)
}

// R36: what nobody uses goes.
func TestR36DiskPressure(t *testing.T) {
	s := playOnNode(t, "node-disk-pressure", "full", "for: 2m", "for: 2s")
	s.set("kubelet has disk pressure", "Ready=True", "DiskPressure=True")
	s.ran("vacuum-journal")
	s.ran("prune-images")
	s.set("fine", "Ready=True", "DiskPressure=False")
	s.cured()
	s.wantOne("node", s.node)
}

// endExecutors ends the pods that would have run the commands, as the kubelet does that is missing here. The Job of the
// last one may not have made its pod yet.
func (s *sickNode) endExecutors(last string) {
	s.Helper()
	pods := s.w.Client.CoreV1().Pods(harness.NodeNamespace)
	harness.Eventually(s, "a pod of "+last, harness.Limit, func() (seen bool, _ string) {
		all, err := pods.List(s.Context(), metav1.ListOptions{FieldSelector: "spec.nodeName=" + s.node})
		harness.Must(s, err)
		for _, pod := range all.Items {
			_, err := pods.Patch(s.Context(), pod.Name, types.MergePatchType, []byte(`{"status":{"phase":"Succeeded"}}`), metav1.PatchOptions{}, "status")
			harness.Must(s, err)
			seen = seen || strings.HasPrefix(pod.Name, last+"-")
		}
		return seen, fmt.Sprint(len(all.Items), " other pods")
	})
}

func (s *sickNode) cordoned() bool { return s.get("{.spec.unschedulable}", "node", s.node) == "true" }

// R36, when cleaning up did not help: somebody looks, and lets the node be emptied.
func TestR36DiskPressureThatStays(t *testing.T) {
	s := playOnNode(t, "node-disk-pressure", "fuller", "for: 2m", "for: 2s", "cureWithin: 10m", "cureWithin: 4s", "cureWithin: 5m", "cureWithin: 4s")
	s.set("kubelet has disk pressure", "Ready=True", "DiskPressure=True")
	s.ran("vacuum-journal")
	s.ran("prune-images")
	s.ran("collect-diagnostics")
	s.endExecutors("collect-diagnostics")
	r := s.w.AwaitPhase(t, s.policy, "AwaitingApproval")
	if s.cordoned() {
		t.Error("it was cordoned before anybody approved it")
	}
	s.approve(r)
	s.w.AwaitRemediation(t, s.policy, "the drain to be over", func(r *harness.Remediation) bool {
		for _, step := range r.Status.Steps {
			if step.Action == "drain" && step.State == "Succeeded" {
				return true
			}
		}
		return false
	})
	if !s.cordoned() {
		t.Error("it was emptied and takes pods")
	}
	s.set("fine", "Ready=True", "DiskPressure=False")
	s.cured()
	if s.cordoned() {
		t.Error("it is well and takes no pods")
	}
}

// R37: a runtime that is slow is looked at, and not restarted.
func TestR37RuntimeSlow(t *testing.T) {
	s := playOnNode(t, "node-runtime-slow", "slow", "within: 15m", "within: 20s")
	s.event("ContainerGCFailed", "rpc error: code = DeadlineExceeded desc = context deadline exceeded", 2)
	s.ran("collect-diagnostics")
	s.cured()
	s.wantOne("node", s.node)
}

// R25: a kubelet that is killed again and again.
func TestR25KubeletMemory(t *testing.T) {
	s := playOnNode(t, "kubelet-memory-leak", "leak")
	s.event("SystemOOM", "System OOM encountered, victim process: kubelet, pid: 77", 1)
	s.event("OOMKilling", "Killed process 99 (kubelet) total-vm:9kB", 1)
	s.ran("restart-kubelet")
	s.cured()
	s.wantOne("node", s.node)
}

// R18: five pods whose deletion lags, on an old kubelet; a person says yes.
func TestR18KubeletQPS(t *testing.T) {
	s := playOnNode(t, "kubelet-api-qps", "qps", "duration('60s')", "duration('1s')", "for: 2m", "for: 1s", "default: 5,", "default: 2,")
	const ns = "qps"
	s.ns = ns
	s.w.Namespace(t, ns)
	for n := range 2 {
		s.w.Apply(t, fmt.Sprintf("{apiVersion: v1, kind: Pod, metadata: {name: late-%d, namespace: %s, finalizers: [test/late]}, spec: {nodeName: %s, terminationGracePeriodSeconds: 1, containers: [{name: c, image: i}]}}", n, ns, s.node))
		s.w.Kubectl(t, "", "-n", ns, "delete", "pod", fmt.Sprintf("late-%d", n), "--wait=false")
	}
	s.approve(s.w.AwaitPhase(t, s.policy, "AwaitingApproval"))
	if spec := s.ran("set-kubelet-config"); !strings.Contains(spec, `"value":"50"`) || !strings.Contains(spec, `"value":"100"`) {
		t.Errorf("the task is %s", spec)
	}
	for n := range 2 {
		s.w.Kubectl(t, "", "-n", ns, "delete", "pod", fmt.Sprintf("late-%d", n), "--force", "--grace-period=0", "--wait=false")
		s.w.Kubectl(t, "", "-n", ns, "patch", "pod", fmt.Sprintf("late-%d", n), "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
	}
	s.cured()
	s.wantOne("node", s.node)
}

// onPods makes events about pods of the node, each of another owner.
func (s *sickNode) onPods(ns, reason, message string, pods, count int) {
	s.Helper()
	s.ns = ns
	s.w.Namespace(s.T, ns)
	for n := range pods {
		name := fmt.Sprintf("pod-%d", n)
		s.w.Apply(s.T, fmt.Sprintf("{apiVersion: v1, kind: Pod, metadata: {name: %s, namespace: %s}, spec: {nodeName: %s, containers: [{name: c, image: i}]}}", name, ns, s.node))
		s.w.Apply(s.T, fmt.Sprintf(`
apiVersion: v1
kind: Event
metadata: {name: %[1]s.1, namespace: %[2]s}
type: Warning
reason: %[3]s
message: %[4]q
involvedObject: {apiVersion: v1, kind: Pod, name: %[1]s, namespace: %[2]s, uid: %[5]s}
source: {component: kubelet, host: %[6]s}
count: %[7]d
firstTimestamp: %[8]s
lastTimestamp: %[8]s
`, name, ns, reason, message, s.get("{.metadata.uid}", "pod", name), s.node, count, ago(0)))
	}
}

// R74: a driver that was installed after the kubelet had looked.
func TestR74Flexvolume(t *testing.T) {
	s := playOnNode(t, "flexvolume-driver-unseen", "flex")
	s.onPods("flex", "FailedMount", `MountVolume.SetUp failed for volume "oss" : no volume plugin matched`, 1, 3)
	s.ran("touch-flexvolume-driver")
	s.cured()
	s.wantOne("node", s.node)
}

// R110: sandboxes of three owners change.
func TestR110SystemdCgroup(t *testing.T) {
	s := playOnNode(t, "containerd-systemd-cgroup", "cgroup")
	s.onPods("cgroup", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.", 3, 4)
	s.approve(s.w.AwaitPhase(t, s.policy, "AwaitingApproval"))
	s.ran("set-containerd-config")
	s.ran("restart-kubelet")
	s.cured()
}

// R05: an image that the ConfigMap names.
func TestR05ImagesPrepull(t *testing.T) {
	const image = "registry.k8s.io/kube-apiserver:v1.36.3"
	s := wellNode(t, "pull")
	s.status(`{"status":{"images":[{"names":["`+image+`"]}]}}`, "node", s.node)
	s.incident = play(t, "node/node-images-prepull", "", "", "for: 1m", "for: 1s", "all: true, includeControlPlane: true", "names: [pull]", `default: ""`, "default: "+image)
	s.status(`{"status":{"images":null}}`, "node", s.node)
	if spec := s.ran("pre-pull-images"); !strings.Contains(spec, image) {
		t.Errorf("the task is %s", spec)
	}
	s.status(`{"status":{"images":[{"names":["`+image+`"]}]}}`, "node", s.node)
	s.cured()
	s.wantOne("node", s.node)
}
