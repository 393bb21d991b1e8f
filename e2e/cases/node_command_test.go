package cases

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/yaml"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

// hostNode is a Node of which a process of this test plays the host.
const hostNode = `
apiVersion: v1
kind: Node
metadata: {name: %[1]s, labels: {host: %[1]s}}
---
apiVersion: kube-remedy.io/v1alpha1
kind: NodeCommand
metadata: {name: %[1]s}
spec:
  parameters: [{name: word, pattern: '^[a-z ]+$'}]
  commands: [{argv: [/bin/echo, said, $(word)], timeout: 10s}]
---
apiVersion: kube-remedy.io/v1alpha1
kind: RemediationPolicy
metadata: {name: %[1]s}
spec:
  target: {apiVersion: v1, kind: Node, selector: {matchLabels: {host: %[1]s}}}
  triggers:
  - name: marked
    match: [{name: sick, expression: "object.metadata.?annotations.?sick.orValue('') == 'yes'"}]
  remedies:
  - name: run
    steps: [{nodeCommand: {name: %[1]s, startDeadline: %[2]s, parameters: [{name: word, value: %[3]s}]}}]
    cureWithin: 1m
  recovery: {stableFor: 1s, healthy: [{name: always, expression: "true"}]}
  limits: {maxUnhealthy: 100%%, cooldown: 1s}
`

// A host that is a folder: what is in it, and who speaks for it.
type host struct {
	w                *harness.World
	name, root, kube string
	token            string
}

func newHost(t *testing.T, w *harness.World, name, startDeadline, word string) *host {
	t.Helper()
	w.Apply(t, fmt.Sprintf(hostNode, name, startDeadline, word))
	t.Cleanup(func() { w.TryKubectl(t, "", "delete", "node/"+name, "nodecommand/"+name) })
	w.DeleteAtEnd(t, name)
	w.Kubectl(t, "", "patch", "node", name, "--subresource=status", "--type=merge", "-p",
		`{"status":{"nodeInfo":{"bootID":"boot-1","systemUUID":"sys-1"},"conditions":[{"type":"Ready","status":"True","reason":"KubeletReady"}]}}`)
	h := &host{w: w, name: name, root: t.TempDir(), token: w.NodeToken(t, name)}
	boot := filepath.Join(h.root, "proc/sys/kernel/random")
	harness.Must(t, os.MkdirAll(boot, 0o755))
	harness.Must(t, os.WriteFile(filepath.Join(boot, "boot_id"), []byte("boot-1\n"), 0o644))
	config := api.NewConfig()
	config.Clusters["c"] = &api.Cluster{Server: w.URL(), CertificateAuthority: w.CAFile()}
	config.AuthInfos["u"] = &api.AuthInfo{Token: h.token}
	config.Contexts["x"] = &api.Context{Cluster: "c", AuthInfo: "u"}
	config.CurrentContext = "x"
	h.kube = filepath.Join(h.root, "kubeconfig")
	harness.Must(t, clientcmd.WriteToFile(*config, h.kube))
	return h
}

func (h *host) mark(t *testing.T, sick string) {
	t.Helper()
	h.w.Kubectl(t, "", "annotate", "--overwrite", "node", h.name, "sick="+sick)
}

// run is what the pod of the Job does.
func (h *host) run(t *testing.T, task string, args ...string) (string, error) {
	t.Helper()
	binary, err := operator.Binary("kube-remedy")
	harness.Must(t, err)
	args = append([]string{"node-run", "--kubeconfig", h.kube, "--node-name", h.name, "--host-root", h.root, "--task", task}, args...)
	out, err := exec.CommandContext(t.Context(), binary, args...).CombinedOutput()
	return string(out), err
}

func text(o *unstructured.Unstructured, fields ...string) string {
	value, _, _ := unstructured.NestedString(o.Object, fields...)
	return value
}

const twoMembers = `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: %[1]s}
spec:
  replicas: 2
  serviceName: db
  updateStrategy: {type: OnDelete}
  selector: {matchLabels: {app: db}}
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: c, image: i}]}}
`

// A restart of a host takes its members of sets down: not while another member is.
func TestARestartWaitsForTheOtherMembersOfSets(t *testing.T) {
	w, _ := withOperator.Get(t)
	const ns = "restarted"
	w.Namespace(t, ns)
	h := newHost(t, w, ns, "1m", "hello")
	w.Kubectl(t, "", "patch", "nodecommand", h.name, "--type=merge", "-p", `{"spec":{"reboots":true}}`)
	// The controller of sets adopts what is there.
	for n, node := range []string{h.name, "elsewhere"} {
		w.Apply(t, fmt.Sprintf(`{apiVersion: v1, kind: Pod, metadata: {name: db-%d, namespace: %s, labels: {app: db}},
  spec: {nodeName: %s, containers: [{name: c, image: i}]}}`, n, ns, node))
	}
	w.Apply(t, fmt.Sprintf(twoMembers, ns))
	harness.Eventually(t, "both pods to belong to the set", harness.Limit, func() (bool, string) {
		owners := w.Kubectl(t, "", "-n", ns, "get", "pods", "-o", "jsonpath={.items[*].metadata.ownerReferences[*].name}")
		return owners == "db db", owners
	})
	h.mark(t, "yes")
	w.AwaitRemediation(t, h.name, "to wait for the other member", func(r *harness.Remediation) bool {
		return strings.Contains(r.Status.Message, "the host is not restarted now: StatefulSet "+ns+"/db is not whole: its pod db-1 is not ready")
	})
	w.Kubectl(t, "", "-n", ns, "patch", "pod", "db-1", "--subresource=status", "--type=merge", "-p",
		`{"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}`)
	w.AwaitNodeTask(t, h.name, h.name, "")
}

// TestNodeCommandByJob: from the symptom to the Job, and what its pod does, against the real API server; once.
func TestNodeCommandByJob(t *testing.T) {
	w, _ := withOperator.Get(t)
	h := newHost(t, w, "by-job", "1m", "hello")
	h.mark(t, "yes")
	task := w.AwaitNodeTask(t, h.name, h.name, "")
	jobs := w.Client.BatchV1().Jobs(harness.NodeNamespace)
	harness.Eventually(t, "the Job", harness.Limit, func() (bool, string) {
		job, err := jobs.Get(t.Context(), task.GetName(), metav1.GetOptions{})
		return err == nil && job.OwnerReferences[0].UID == task.GetUID(), fmt.Sprint(err)
	})
	if out, err := h.run(t, task.GetName()); err != nil {
		t.Fatalf("node-run: %v\n%s", err, out)
	}
	task = w.AwaitNodeTask(t, h.name, h.name, "Succeeded")
	results, _, _ := unstructured.NestedSlice(task.Object, "status", "results")
	if len(results) != 1 || results[0].(map[string]any)["output"] != "said hello\n" {
		t.Errorf("the results are %s", harness.Text(results))
	}
	h.mark(t, "no")
	w.AwaitPhase(t, h.name, "Succeeded")
	// Whatever becomes of the object: the host has done this, and does not do it again.
	if _, err := os.Stat(filepath.Join(h.root, "var/lib/kube-remedy/tasks", task.GetName()+".json")); err != nil {
		t.Error(err)
	}
	h.run(t, task.GetName())
	again, err := w.Dynamic.Resource(harness.NodeTasks).Get(t.Context(), task.GetName(), metav1.GetOptions{})
	harness.Must(t, err)
	if again.GetResourceVersion() != task.GetResourceVersion() {
		t.Error("the task was written to again")
	}
}

// TestNodeCommandThatNobodyBegins: the Job is removed, the step says why, and a pod that comes late is refused.
func TestNodeCommandThatNobodyBegins(t *testing.T) {
	w, _ := withOperator.Get(t)
	h := newHost(t, w, "never-begun", "3s", "hello")
	h.mark(t, "yes")
	task := w.AwaitNodeTask(t, h.name, h.name, "")
	failed := w.AwaitPhase(t, h.name, "Failed")
	if said := harness.Text(failed.Status.Steps); !strings.Contains(said, "NotStarted") {
		t.Errorf("the steps say %s", said)
	}
	harness.Eventually(t, "the Job to go", harness.Limit, func() (bool, string) {
		_, err := w.Client.BatchV1().Jobs(harness.NodeNamespace).Get(t.Context(), task.GetName(), metav1.GetOptions{})
		return apierrors.IsNotFound(err), fmt.Sprint(err)
	})
	if out, err := h.run(t, task.GetName()); err == nil || !strings.Contains(out, "Refused") {
		t.Errorf("it was executed after all: %v %s", err, out)
	}
	h.mark(t, "no")
}

// TestNodeCommandWithdrawnFromTheAgent: nobody takes it up, so nobody finds it later.
func TestNodeCommandWithdrawnFromTheAgent(t *testing.T) {
	w, _ := withOperator.Get(t)
	h := newHost(t, w, "withdrawn", "3s", "hello")
	w.Kubectl(t, "", "patch", "rempol", h.name, "--type=json", "-p",
		`[{"op":"add","path":"/spec/remedies/0/steps/0/nodeCommand/via","value":"Agent"}]`)
	lease := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
		"metadata": map[string]any{"name": "kube-remedy-agent-" + h.name, "namespace": harness.NodeNamespace},
		"spec":     map[string]any{"leaseDurationSeconds": int64(40), "renewTime": time.Now().UTC().Format("2006-01-02T15:04:05.000000Z")}}}
	leases := w.AsToken(t, h.token).Resource(harness.Leases).Namespace(harness.NodeNamespace)
	_, err := leases.Create(t.Context(), lease, metav1.CreateOptions{})
	harness.Must(t, err)
	h.mark(t, "yes")
	task := w.AwaitNodeTask(t, h.name, h.name, "")
	w.AwaitPhase(t, h.name, "Failed")
	if _, err := w.Dynamic.Resource(harness.NodeTasks).Get(t.Context(), task.GetName(), metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the task is still there: %v", err)
	}
	h.mark(t, "no")
	// Nobody speaks for another node, whatever RBAC grants.
	other := lease.DeepCopy()
	other.SetName("kube-remedy-agent-elsewhere")
	if _, err := leases.Create(t.Context(), other, metav1.CreateOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("the agent of %s made a lease for another node: %v", h.name, err)
	}
}

// TestForgedNodeTaskRefused: only the controller makes NodeTasks, and what is not in a journal is not executed.
func TestForgedNodeTaskRefused(t *testing.T) {
	w, _ := withOperator.Get(t)
	h := newHost(t, w, "forged", "1m", "hello")
	h.mark(t, "yes")
	task := w.AwaitNodeTask(t, h.name, h.name, "")
	forged := task.DeepCopy()
	forged.SetName("mine")
	forged.SetResourceVersion("")
	commands, _, _ := unstructured.NestedSlice(forged.Object, "spec", "commands")
	commands[0].(map[string]any)["argv"] = []any{"/bin/echo", "pwned"}
	harness.Must(t, unstructured.SetNestedSlice(forged.Object, commands, "spec", "commands"))
	if _, err := w.Dynamic.Resource(harness.NodeTasks).Create(t.Context(), forged, metav1.CreateOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("an administrator made a NodeTask: %v", err)
	}
	if err := harness.ReportNodeTask(t.Context(), w.Dynamic, task.GetName(), `{"phase":"Succeeded"}`); !apierrors.IsForbidden(err) {
		t.Errorf("an administrator wrote the status of a NodeTask: %v", err)
	}
	w.Kubectl(t, "", "create", "-f", writeFile(t, "apiVersion: v1\nkind: Node\nmetadata: {name: neighbour}\n"))
	t.Cleanup(func() { w.TryKubectl(t, "", "delete", "node", "neighbour") })
	neighbour := w.AsToken(t, w.NodeToken(t, "neighbour"))
	if err := harness.ReportNodeTask(t.Context(), neighbour, task.GetName(), `{"phase":"Succeeded"}`); !apierrors.IsForbidden(err) {
		t.Errorf("another node wrote the status of the NodeTask: %v", err)
	}
	// The NodeCommand is edited before the task is executed: EditedNodeCommandRefused.
	w.Kubectl(t, "", "patch", "nodecommand", h.name, "--type=merge", "-p", `{"spec":{"description":"edited"}}`)
	if out, err := h.run(t, task.GetName()); err == nil || !strings.Contains(out, "CommandChanged") {
		t.Errorf("it was executed after all: %v %s", err, out)
	}
	w.AwaitPhase(t, h.name, "Failed")
	h.mark(t, "no")
	if out, err := w.TryKubectl(t, "", "patch", "nodetask", task.GetName(), "--type=merge", "-p", `{"spec":{"reboots":true}}`); err == nil || !strings.Contains(out, "cannot be changed") {
		t.Errorf("the spec was changed: %v %s", err, out)
	}
}

func writeFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.yaml")
	harness.Must(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// TestEveryBadNodeCommandIsRefused plays the table of bad NodeCommands against the schema.
func TestEveryBadNodeCommandIsRefused(t *testing.T) {
	w, _ := withOperator.Get(t)
	folder, err := operator.Manifests("tests/crds/v1alpha1")
	harness.Must(t, err)
	content, err := os.ReadFile(filepath.Join(folder, "bad_node_commands.yaml"))
	harness.Must(t, err)
	var table struct {
		Base  any
		Cases []struct {
			wrong  `json:",inline"`
			Passes bool
		}
	}
	harness.Must(t, yaml.Unmarshal(content, &table))
	create := func(t *testing.T, object map[string]any) error {
		_, err := w.Dynamic.Resource(harness.NodeCommands).Create(t.Context(), &unstructured.Unstructured{Object: object},
			metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: "Strict"})
		return err
	}
	harness.Must(t, create(t, table.Base.(map[string]any)))
	for _, c := range table.Cases {
		t.Run(c.At, func(t *testing.T) {
			if err := create(t, c.change(t, table.Base)); (err == nil) != c.Passes {
				t.Errorf("the API server says %v, the controller would say %s", err, c.Says)
			}
		})
	}
}
