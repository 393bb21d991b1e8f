package cases

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

// kubelets play those of some nodes: each renews its node's lease until it is told to be silent.
type kubelets struct {
	w  *harness.World
	mu sync.Mutex
	up map[string]bool
}

// startKubelets makes nodes that are Ready, with these labels.
func startKubelets(t *testing.T, w *harness.World, every time.Duration, labels map[string]string, names ...string) *kubelets {
	t.Helper()
	k := &kubelets{w: w, up: map[string]bool{}}
	for _, name := range names {
		_, err := w.Client.CoreV1().Nodes().Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}, metav1.CreateOptions{})
		harness.Must(t, err)
		k.ready(t, name, "True", "kubelet is posting ready status")
		k.up[name] = true
	}
	ctx, cancel := context.WithCancel(context.Background())
	k.renewAll(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				k.renewAll(ctx)
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		for _, name := range names {
			k.w.Client.CoreV1().Nodes().Delete(context.Background(), name, metav1.DeleteOptions{})
			k.w.Client.CoordinationV1().Leases(corev1.NamespaceNodeLease).Delete(context.Background(), name, metav1.DeleteOptions{})
		}
	})
	return k
}

func (k *kubelets) renewAll(ctx context.Context) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for name := range k.up {
		k.renew(ctx, name)
	}
}

func (k *kubelets) renew(ctx context.Context, name string) {
	leases := k.w.Client.CoordinationV1().Leases(corev1.NamespaceNodeLease)
	now := time.Now().UTC().Format(metav1.RFC3339Micro)
	patch := fmt.Sprintf(`{"spec":{"holderIdentity":%q,"renewTime":%q}}`, name, now)
	if _, err := leases.Patch(ctx, name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err == nil {
		return
	}
	at := metav1.NowMicro()
	leases.Create(ctx, &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: coordinationv1.LeaseSpec{HolderIdentity: &name, RenewTime: &at}}, metav1.CreateOptions{})
}

func (k *kubelets) silence(name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.up, name)
}

func (k *kubelets) speak(name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.up[name] = true
}

// ready sets the condition as kubelet or node lifecycle controller would.
func (k *kubelets) ready(t *testing.T, name, status, message string) {
	t.Helper()
	now := time.Now().UTC().Format(time.RFC3339)
	patch := fmt.Sprintf(`{"status":{"nodeInfo":{"bootID":"boot-1"},"conditions":[{"type":"Ready","status":%q,"reason":"Test","message":%q,"lastHeartbeatTime":%q,"lastTransitionTime":%q}]}}`, status, message, now, now)
	_, err := k.w.Client.CoreV1().Nodes().Patch(t.Context(), name, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "kubelet"}, "status")
	harness.Must(t, err)
}

func getNode(t *testing.T, w *harness.World, name string) *corev1.Node {
	t.Helper()
	node, err := w.Client.CoreV1().Nodes().Get(t.Context(), name, metav1.GetOptions{})
	harness.Must(t, err)
	return node
}

func awaitCordon(t *testing.T, w *harness.World, name string, cordoned bool) {
	t.Helper()
	harness.Eventually(t, fmt.Sprintf("%s to be cordoned: %v", name, cordoned), harness.Limit, func() (bool, string) {
		return getNode(t, w, name).Spec.Unschedulable == cordoned, ""
	})
}

const holders = "kube-remedy.io/holders"

// stuckNodes cordons nodes whose runtime hangs while their kubelet is there.
const stuckNodes = `
apiVersion: kube-remedy.io/v1alpha1
kind: RemediationPolicy
metadata: {name: %[1]s}
spec:
  target: {apiVersion: v1, kind: Node, selector: {matchLabels: {case: %[1]s}}}
  triggers:
  - name: runtime-hangs
    for: 1s
    condition: {type: Ready, status: ["False"], message: PLEG is not healthy}
    lease: {state: Fresh}
  remedies:
  - {name: keep-away, cureWithin: 5m, steps: [{cordon: {}}, {taint: {key: example.com/stuck, effect: PreferNoSchedule}}]}
  recovery: {stableFor: 1s}
  limits: {maxConcurrent: %[2]s, maxUnhealthy: %[3]s, cooldown: 0s}
`

const pleg = "PLEG is not healthy: pleg was last seen active 3m5s ago; threshold is 3m0s"

// A node is cordoned and tainted, and given back because we did it: not what a person has cordoned, before or since.
func TestF4NodesAreGivenBackByWhoeverTookThem(t *testing.T) {
	w, _ := bare.Get(t)
	w.Operator(t, operator.Options{Kubeconfig: w.Account.Kubeconfig,
		Config: strings.Replace(operator.Quick, "limits: {", "limits: {exemptFromNodeBudget: [nodes-back], ", 1)})
	const name = "nodes-back"
	ours, before, since := "back-ours", "back-before", "back-since"
	k := startKubelets(t, w, time.Second, map[string]string{"case": name}, ours, before, since, "back-well")
	w.Kubectl(t, "", "cordon", before)
	w.Apply(t, fmt.Sprintf(stuckNodes, name, "4", "100%"))
	w.DeleteAtEnd(t, name)
	w.AwaitCondition(t, name, "Ready", "True", "Ready")
	for _, node := range []string{ours, before, since} {
		k.ready(t, node, "False", pleg)
	}
	harness.Eventually(t, "the taints", harness.Limit, func() (bool, string) {
		var untainted []string
		for _, node := range []string{ours, before, since} {
			if !slices.ContainsFunc(getNode(t, w, node).Spec.Taints, func(taint corev1.Taint) bool { return taint.Key == "example.com/stuck" }) {
				untainted = append(untainted, node)
			}
		}
		return len(untainted) == 0, fmt.Sprint(untainted)
	})
	for _, node := range []string{ours, since} {
		if n := getNode(t, w, node); !n.Spec.Unschedulable || !strings.Contains(n.Annotations[holders], `"cordon":[`) {
			t.Errorf("%s is not cordoned by us: %v %v", node, n.Spec.Unschedulable, n.Annotations)
		}
	}
	if n := getNode(t, w, before); strings.Contains(n.Annotations[holders], "cordon") {
		t.Errorf("a person's cordon was joined: %v", n.Annotations)
	}
	wantText(t, "describe node", w.Kubectl(t, "", "describe", "node", ours), "MaintenanceInProgress", "KubeRemedyRemediation", "cordon Node back-ours")
	// A person takes it back, and does it again for reasons of their own.
	w.Kubectl(t, "", "uncordon", since)
	w.Kubectl(t, "", "cordon", since)
	for _, node := range []string{ours, before, since} {
		k.ready(t, node, "True", "kubelet is posting ready status")
	}
	awaitCordon(t, w, ours, false)
	harness.Eventually(t, "all of it to be given back", harness.Limit, func() (bool, string) {
		for _, node := range []string{ours, before, since} {
			if n := getNode(t, w, node); n.Annotations[holders] != "" || len(n.Spec.Taints) > 1 {
				return false, fmt.Sprint(node, n.Annotations, n.Spec.Taints)
			}
		}
		for _, r := range w.Remediations(t, name) {
			if r.Status.Phase != "Succeeded" {
				return false, r.String()
			}
		}
		return true, ""
	})
	for _, node := range []string{before, since} {
		if !getNode(t, w, node).Spec.Unschedulable {
			t.Errorf("%s was uncordoned, which a person had cordoned", node)
		}
	}
}

// F19: somebody has taken the finalizer off, or a backup was restored. Whoever begins to lead gives such nodes back.
func TestF19NodesHeldForNobodyAreGivenBack(t *testing.T) {
	w, _ := bare.Get(t)
	const ours, since = "orphan-ours", "orphan-since"
	for _, node := range []string{ours, since} {
		w.Node(t, node, "zone-a")
		w.Kubectl(t, "", "patch", "node", node, "--type=merge", "--field-manager=kube-remedy", "-p",
			`{"metadata":{"annotations":{"kube-remedy.io/holders":"{\"cordon\":[\"gone\"],\"taint example.com/x:NoExecute\":[\"gone\"]}"}},`+
				`"spec":{"unschedulable":true,"taints":[{"key":"example.com/x","effect":"NoExecute"}]}}`)
	}
	w.Kubectl(t, "", "uncordon", since)
	w.Kubectl(t, "", "cordon", since)
	w.Operator(t, operator.Options{Kubeconfig: w.Account.Kubeconfig})
	harness.Eventually(t, "the holders to be gone", harness.Limit, func() (bool, string) {
		for _, node := range []string{ours, since} {
			if n := getNode(t, w, node); n.Annotations[holders] != "" {
				return false, fmt.Sprint(node, n.Annotations, n.Spec)
			}
		}
		return true, ""
	})
	if n := getNode(t, w, ours); n.Spec.Unschedulable || slices.ContainsFunc(n.Spec.Taints, func(taint corev1.Taint) bool { return taint.Key == "example.com/x" }) {
		t.Errorf("it is still held: %v", n.Spec)
	}
	if !getNode(t, w, since).Spec.Unschedulable {
		t.Error("a person has cordoned it since, and it was uncordoned")
	}
}

// deadlocked cordons nodes by a sign that has nothing to do with Ready.
const deadlocked = `
apiVersion: kube-remedy.io/v1alpha1
kind: RemediationPolicy
metadata: {name: %[1]s-deadlock}
spec:
  target: {apiVersion: v1, kind: Node, selector: {matchLabels: {case: %[1]s}}}
  triggers: [{name: deadlock, for: 1s, condition: {type: KernelDeadlock, status: ["True"]}}]
  remedies: [{name: keep-away, cureWithin: 5m, steps: [{cordon: {}}]}]
  recovery: {stableFor: 1s}
`

// Forty of a hundred nodes at once: nobody acts, not on what else is sick either. When they have come back to ten, one is tried, then the rest.
func TestF2AnOutageOfNodesIsNobodysToRepair(t *testing.T) {
	w, _ := bare.Get(t)
	w.Operator(t, operator.Options{Kubeconfig: w.Account.Kubeconfig})
	const name = "nodes-outage"
	var names []string
	for i := range 100 {
		names = append(names, fmt.Sprintf("outage-%02d", i))
	}
	k := startKubelets(t, w, 8*time.Second, map[string]string{"case": name}, names...)
	w.Apply(t, fmt.Sprintf(stuckNodes, name, "2", "20%"))
	w.DeleteAtEnd(t, name)
	w.AwaitCondition(t, name, "Ready", "True", "Ready")
	for _, node := range names[:40] {
		k.ready(t, node, "False", pleg)
	}
	states := breakerStates(t, w, name)
	message := ""
	awaitTargets(t, w, name, func(p *harness.Policy) bool {
		blocked := p.Condition("Blocked")
		message = blocked.Message
		return blocked.Status == "True" && blocked.Reason == "BreakerOpen" && p.Status.Targets.Unhealthy >= 40
	})
	wantText(t, "the message of Blocked", message, "of 100", "20 (20 %)")
	w.Apply(t, fmt.Sprintf(deadlocked, name))
	w.DeleteAtEnd(t, name+"-deadlock")
	w.Kubectl(t, "", "patch", "node", names[99], "--subresource=status", "--type=strategic", "-p",
		`{"status":{"conditions":[{"type":"KernelDeadlock","status":"True","reason":"DockerHung"}]}}`)
	awaitTargets(t, w, name+"-deadlock", func(p *harness.Policy) bool {
		return len(p.Status.Waiting) == 1 && p.Status.Waiting[0].Reason == "BreakerOpen" && strings.Contains(p.Status.Waiting[0].Message, "41 of 100")
	})
	wantText(t, "describe node", w.Kubectl(t, "", "describe", "node", names[99]), "BreakerOpen", "does not remediate it: 41 of 100")
	w.Kubectl(t, "", "delete", "rempol", name+"-deadlock")
	if all := w.Remediations(t, name+"-deadlock"); len(all) > 0 || getNode(t, w, names[99]).Spec.Unschedulable {
		t.Errorf("it was acted on in an outage: %s", harness.Text(all))
	}
	acted := len(w.Remediations(t, name))
	if acted > 2 { // the first ones may have been seen before the others were sick
		t.Errorf("%d remediations were begun in an outage", acted)
	}
	for _, node := range names[10:40] {
		k.ready(t, node, "True", "kubelet is posting ready status")
	}
	healed := map[string]bool{}
	harness.Eventually(t, "the ten to be worked off and given back", 2*harness.Limit, func() (bool, string) {
		for _, node := range names[:10] {
			if !healed[node] && getNode(t, w, node).Spec.Unschedulable {
				k.ready(t, node, "True", "kubelet is posting ready status")
				healed[node] = true
			}
		}
		for _, r := range w.Remediations(t, name) {
			if !r.Final() {
				return false, r.String()
			}
		}
		for _, node := range names {
			if getNode(t, w, node).Spec.Unschedulable {
				return false, node
			}
		}
		return len(healed) == 10, harness.Text(w.Policy(t, name).Status)
	})
	awaitTargets(t, w, name, func(p *harness.Policy) bool { return p.Status.Breaker != nil && p.Status.Breaker.State == "Closed" })
	if seen := states(); len(seen) < 3 || !slices.Equal(seen[len(seen)-3:], []string{"Open", "HalfOpen", "Closed"}) {
		t.Errorf("the breaker was %v", seen)
	}
	// Oldest first, apart from those that were begun before the outage was one. (Of two in one second nobody knows
	// which one was made first.)
	newest := map[time.Time]string{}
	for _, r := range w.Remediations(t, name)[acted:] {
		sick := w.Kubectl(t, "", "get", "remediation", r.Name, "-o", "jsonpath={.status.detectedAt}")
		for made, before := range newest {
			if made.Before(r.CreationTimestamp.Time) && sick < before {
				t.Errorf("%s was sick since %s and had its turn after one that was since %s", r.Name, sick, before)
			}
		}
		newest[r.CreationTimestamp.Time] = max(newest[r.CreationTimestamp.Time], sick)
	}
}

// A node that has fallen silent is fenced by whoever can switch it off, and only then emptied by force; a host that
// comes back in between makes the proof void.
func TestF9SilentNodesAreFencedBeforeAnythingIsForced(t *testing.T) {
	w, _ := bare.Get(t)
	w.Operator(t, operator.Options{Kubeconfig: w.Account.Kubeconfig, Config: operator.Quick + "webhooks: {namespace: kube-remedy, allowNetworks: [127.0.0.0/8]}\n"})
	ns := w.Namespace(t, "fenced")
	r := w.Receiver(t, "bmc")
	answer := func(call harness.Call) (int, string) {
		var asked struct{ Fencing map[string]any }
		if err := json.Unmarshal([]byte(call.Body), &asked); err != nil {
			return 400, err.Error()
		}
		asked.Fencing["state"], asked.Fencing["heldOff"] = "Off", true
		return 200, harness.Text(map[string]any{"evidence": map[string]any{"fencing": asked.Fencing}})
	}
	r.Script(func(_ int, call harness.Call) (int, string) { return answer(call) })
	policy := func(name, steps string) string {
		return fmt.Sprintf(`
apiVersion: kube-remedy.io/v1alpha1
kind: RemediationPolicy
metadata: {name: %[1]s}
spec:
  target: {apiVersion: v1, kind: Node, selector: {matchLabels: {case: %[1]s}}}
  related: [{name: pods, preset: PodsOnNode}]
  triggers:
  - name: silent
    for: 1s
    condition: {type: Ready, status: [Unknown]}
    lease: {state: Stale, after: 5s}
  remedies:
  - {name: fence, cureWithin: 10m, steps: [{webhook: {name: bmc}}, %[2]s]}
  recovery: {stableFor: 1s}
  limits: {maxUnhealthy: 100%%}
`, name, steps)
	}
	pod := func(node string) {
		w.Apply(t, fmt.Sprintf("{apiVersion: v1, kind: Pod, metadata: {name: on-%[1]s, namespace: %[2]s}, spec: {nodeName: %[1]s, containers: [{name: c, image: registry.local/c}]}}", node, ns))
	}
	const force = `{taint: {key: node.kubernetes.io/out-of-service, value: nodeshutdown, effect: NoExecute}}, {deletePod: {mode: Force}, applyTo: {related: pods}}`

	t.Run("off", func(t *testing.T) {
		const node = "fenced-off"
		k := startKubelets(t, w, time.Second, map[string]string{"case": node}, node)
		pod(node)
		w.Apply(t, fmt.Sprintf("{apiVersion: storage.k8s.io/v1, kind: VolumeAttachment, metadata: {name: va-off}, spec: {attacher: csi.example, nodeName: %s, source: {persistentVolumeName: pv}}}", node))
		w.Apply(t, policy(node, force))
		w.DeleteAtEnd(t, node)
		w.AwaitCondition(t, node, "Ready", "True", "Ready")
		k.silence(node)
		k.ready(t, node, "Unknown", "Kubelet stopped posting node status.")
		harness.Eventually(t, "the pod to be forgotten", harness.Limit, func() (bool, string) {
			_, err := w.TryKubectl(t, "", "-n", ns, "get", "pod", "on-"+node)
			return err != nil, harness.Text(w.Remediations(t, node))
		})
		tainted := func() bool {
			return slices.ContainsFunc(getNode(t, w, node).Spec.Taints, func(taint corev1.Taint) bool { return taint.Key == corev1.TaintNodeOutOfService })
		}
		if !tainted() {
			t.Error("the pod went without the out-of-service taint")
		}
		k.speak(node)
		k.ready(t, node, "True", "kubelet is posting ready status")
		w.AwaitRemediation(t, node, "to wait for the volume", func(r *harness.Remediation) bool {
			return strings.Contains(r.Status.Message, "until VolumeAttachment va-off is gone")
		})
		if !tainted() {
			t.Error("the taint is gone before the volume is")
		}
		w.Kubectl(t, "", "delete", "volumeattachment", "va-off")
		w.AwaitPhase(t, node, "Succeeded")
		if tainted() {
			t.Error("the out-of-service taint was left behind")
		}
	})
	t.Run("agent", func(t *testing.T) {
		const node = "fenced-agent"
		k := startKubelets(t, w, time.Second, map[string]string{"case": node}, node)
		pod(node)
		leases := w.AsToken(t, w.NodeToken(t, node)).Resource(harness.Leases).Namespace(harness.NodeNamespace)
		agent := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
			"metadata": map[string]any{"name": "kube-remedy-agent-" + node},
			"spec":     map[string]any{"leaseDurationSeconds": int64(5), "renewTime": "2026-01-01T00:00:00.000000Z"}}}
		_, err := leases.Create(t.Context(), agent, metav1.CreateOptions{})
		harness.Must(t, err)
		w.Apply(t, policy(node, force))
		w.DeleteAtEnd(t, node)
		w.AwaitCondition(t, node, "Ready", "True", "Ready")
		k.silence(node)
		k.ready(t, node, "Unknown", "Kubelet stopped posting node status.")
		w.AwaitRemediation(t, node, "to wait for the agent's lease", func(r *harness.Remediation) bool {
			return strings.Contains(r.Status.Message, "nothing is forced before")
		})
		// Whatever its clock says.
		_, err = leases.Patch(t.Context(), agent.GetName(), types.MergePatchType, []byte(`{"spec":{"renewTime":"2026-01-01T00:00:10.000000Z"}}`), metav1.PatchOptions{})
		harness.Must(t, err)
		// The lease is looked at again when it would have run out.
		failed := w.AwaitPhase(t, node, "Failed")
		wantText(t, "the message", failed.Status.Message, "FencingVoid", "the agent on Node "+node+" has renewed its lease")
		if _, err := w.TryKubectl(t, "", "-n", ns, "get", "pod", "on-"+node); err != nil {
			t.Error("the pod of a live host was deleted by force")
		}
	})
	t.Run("returned", func(t *testing.T) {
		const node = "fenced-returned"
		k := startKubelets(t, w, time.Second, map[string]string{"case": node}, node)
		pod(node)
		r.Script(func(_ int, call harness.Call) (int, string) {
			time.AfterFunc(time.Second, func() { k.renew(context.Background(), node) }) // once: it is on, whatever was said
			return answer(call)
		})
		w.Apply(t, policy(node, `{waitFor: {expression: "now > remediation.startedAt + duration('12s')", timeout: 60s}}, `+force))
		w.DeleteAtEnd(t, node)
		w.AwaitCondition(t, node, "Ready", "True", "Ready")
		k.silence(node)
		k.ready(t, node, "Unknown", "Kubelet stopped posting node status.")
		failed := w.AwaitPhase(t, node, "Failed")
		wantText(t, "the message", failed.Status.Message, "FencingVoid", "has renewed its lease since")
		if _, err := w.TryKubectl(t, "", "-n", ns, "get", "pod", "on-"+node); err != nil {
			t.Error("the pod of a host that came back was deleted by force")
		}
	})
}

// R39: a node that has fallen silent and has no agent is switched off by the service that owns the machines, given up
// with proof, switched on again, and given back, although a pod that tolerates everything has never left it.
func TestR39NodeUnknown(t *testing.T) {
	w, _ := bare.Get(t)
	w.Operator(t, operator.Options{Kubeconfig: w.Account.Kubeconfig, Config: operator.Quick + "webhooks: {namespace: kube-remedy, allowNetworks: [127.0.0.0/8]}\n"})
	const name, silent, stopped = "node-unknown", "unknown-1", "unknown-3"
	k := startKubelets(t, w, time.Second, map[string]string{"case": name}, silent, "unknown-2", stopped)
	r := w.Receiver(t, "machines")
	var asked []string
	r.Script(func(_ int, received harness.Call) (int, string) {
		var call struct {
			Fencing    map[string]any
			Parameters struct{ Operation string }
			Target     struct{ Name string }
		}
		if err := json.Unmarshal([]byte(received.Body), &call); err != nil {
			return 400, err.Error()
		}
		asked = append(asked, call.Parameters.Operation)
		switch call.Parameters.Operation {
		case "off":
			call.Fencing["state"], call.Fencing["heldOff"] = "Off", true
			return 200, harness.Text(map[string]any{"evidence": map[string]any{"fencing": call.Fencing, "wasOff": call.Target.Name == stopped}})
		case "on":
			k.speak(silent)
		}
		return 200, "{}"
	})
	commands, err := operator.Manifests("config/node-commands")
	harness.Must(t, err)
	w.Kubectl(t, "", "apply", "-k", commands)
	ns := w.Namespace(t, "unknown")
	w.Apply(t, fmt.Sprintf("{apiVersion: v1, kind: Pod, metadata: {name: kube-proxy, namespace: %s}, spec: {nodeName: %s, tolerations: [{operator: Exists}], containers: [{name: c, image: registry.local/c}]}}", ns, silent))
	folder, err := operator.Manifests("config/policies/node")
	harness.Must(t, err)
	text, err := os.ReadFile(filepath.Join(folder, name+".yaml"))
	harness.Must(t, err)
	w.Apply(t, strings.NewReplacer("for: 5m", "for: 1s", "after: 40s", "after: 5s", "all: true", "selector: {matchLabels: {case: node-unknown}}",
		"maxUnhealthy: 20%", "maxUnhealthy: 70%", "  limits:", "  recovery: {stableFor: 1s}\n  limits:").Replace(string(text)))
	w.DeleteAtEnd(t, name)
	w.AwaitCondition(t, name, "Ready", "True", "Ready")
	// Unknown with a fresh lease is no silence.
	k.ready(t, "unknown-2", "Unknown", "Kubelet stopped posting node status.")
	k.silence(silent)
	k.ready(t, silent, "Unknown", "Kubelet stopped posting node status.")
	tainted := func() bool {
		return slices.ContainsFunc(getNode(t, w, silent).Spec.Taints, func(taint corev1.Taint) bool { return taint.Key == corev1.TaintNodeOutOfService })
	}
	harness.Eventually(t, "the out-of-service taint", harness.Limit, func() (bool, string) {
		return tainted(), harness.Text(w.Policy(t, name).Status)
	})
	k.ready(t, "unknown-2", "True", "kubelet is posting ready status")
	k.ready(t, silent, "True", "kubelet is posting ready status")
	cured := w.AwaitPhase(t, name, "Succeeded")
	if first := cured.Status.Steps[0]; first.State != "Failed" || !strings.Contains(first.Message, "there is no agent on it") {
		t.Errorf("the kubelet was restarted without an agent: %+v", first)
	}
	if _, err := w.TryKubectl(t, "", "-n", ns, "get", "pod", "kube-proxy"); err != nil {
		t.Error("the pod that tolerates the taint is gone")
	}
	if n := getNode(t, w, silent); tainted() || n.Spec.Unschedulable || n.Annotations[holders] != "" {
		t.Errorf("%s was not given back: %v %v", silent, n.Spec, n.Annotations)
	}
	if got := strings.Join(asked, " "); got != "off on" {
		t.Errorf("the machines were asked for %q, want off and on", got)
	}
	if all := w.Remediations(t, name); len(all) != 1 || all[0].Spec.TargetRef.Name != silent {
		t.Errorf("got %s", harness.Text(all))
	}
	// Somebody has stopped another machine on purpose. It is fenced like the first, and left off.
	k.silence(stopped)
	k.ready(t, stopped, "Unknown", "Kubelet stopped posting node status.")
	harness.Eventually(t, "four calls", harness.Limit, func() (bool, string) {
		return len(r.Calls()) == 4, harness.Text(w.Policy(t, name).Status)
	})
	k.speak(stopped)
	k.ready(t, stopped, "True", "kubelet is posting ready status")
	harness.Eventually(t, "the second node to be given back", harness.Limit, func() (bool, string) {
		second := remediationOf(t, w, name, stopped)
		return second != nil && second.Status.Phase == "Succeeded", harness.Text(second)
	})
	if got := strings.Join(asked, " "); got != "off on off release" {
		t.Errorf("the machines were asked for %q, want off and on, off and release", got)
	}
}
