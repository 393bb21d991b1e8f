// Drains measures how quickly kube-remedy empties (or only cordons) many nodes at once on a real control plane (scheduler, controllers,
// simulated kubelets), and how many requests each pod costs, by the API server's audit log.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

const (
	limit = 20 * time.Minute
	poll  = 200 * time.Millisecond
	pause = 3 * time.Second // between lists of all pods: they cost the API server as much as many evictions
	label = "bench"         // of the nodes that are emptied

	auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: Metadata}
`
	config = `
log: {level: info, format: text}
workers: %d
limits: {exemptFromNodeBudget: [drains]}
`
	policy = `
apiVersion: kube-remedy.io/v1alpha1
kind: RemediationPolicy
metadata: {name: drains}
spec:
  target: {apiVersion: v1, kind: Node, selector: {matchLabels: {bench: drained}}}
  triggers:
  - name: marked
    match: [{name: sick, expression: "object.metadata.?annotations.?sick.orValue('') == 'yes'"}]
  remedies:
  - name: empty
    steps:
    - cordon: {}
%s    verify: [{name: at-once, expression: "true"}]
    cureWithin: 1h
  recovery: {stableFor: 1s}
  limits: {maxConcurrent: 100%%, maxUnhealthy: 100%%}
`
	drain = `    - drain: {maxUnavailable: 100%, timeout: 30m}
`
)

var begin = time.Now()

func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "[%5.1fs] %s\n", time.Since(begin).Seconds(), fmt.Sprintf(format, args...))
}

func main() {
	nodes := flag.Int("nodes", 200, "how many are emptied")
	pods := flag.Int("pods", 15, "on each of them; 0: the nodes are only cordoned")
	workers := flag.Int("workers", 24, "of kube-remedy: its requests at the same time")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(ctx, limit)
	err := run(ctx, *nodes, *pods, *workers)
	cancel()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "drains:", err)
		os.Exit(1)
	}
}

type world struct {
	*cluster.Cluster
	client kubernetes.Interface
}

func run(ctx context.Context, nodes, perNode, workers int) error {
	dir, err := os.MkdirTemp("", "kube-remedy-drains-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	audit := filepath.Join(dir, "audit-policy.yaml")
	if err := os.WriteFile(audit, []byte(auditPolicy), 0o600); err != nil {
		return err
	}
	quick := []string{"--kube-api-qps=2000", "--kube-api-burst=4000"}
	c, err := cluster.Start(ctx, cluster.Options{
		ControllerManager: true, ControllerManagerArgs: append(quick, "--concurrent-replicaset-syncs=20"),
		Scheduler: true, SchedulerArgs: quick, Kwok: true,
		APIServerArgs: []string{"--audit-policy-file=" + audit, "--max-requests-inflight=2000", "--max-mutating-requests-inflight=1000"},
		Progress:      os.Stderr,
	})
	if err != nil {
		return err
	}
	defer func() { _ = c.Stop() }()
	configuration := rest.CopyConfig(c.RESTConfig())
	configuration.QPS, configuration.Burst = 2000, 4000
	client, err := kubernetes.NewForConfig(configuration)
	if err != nil {
		return err
	}
	w := &world{c, client}
	if err := w.fill(ctx, nodes, perNode); err != nil {
		return err
	}
	if err := operator.Install(ctx, c.AdminKubeconfig()); err != nil {
		return err
	}
	account, err := c.ServiceAccountKubeconfig(ctx, operator.Namespace, operator.ServiceAccount)
	if err != nil {
		return err
	}
	op, err := operator.Start(operator.Options{Kubeconfig: account.Kubeconfig, Config: fmt.Sprintf(config, workers), Dir: dir})
	if err != nil {
		return err
	}
	defer op.Kill()
	if err := op.WaitReady(ctx); err != nil {
		return err
	}
	steps := drain
	if perNode == 0 {
		steps = ""
	}
	if _, err := operator.Kubectl(ctx, c.AdminKubeconfig(), strings.NewReader(fmt.Sprintf(policy, steps)), "apply", "-f", "-"); err != nil {
		return err
	}
	if _, err := operator.Kubectl(ctx, c.AdminKubeconfig(), nil, "wait", "--for=condition=Ready", "rempol/drains", "--timeout=60s"); err != nil {
		return err
	}
	say("%d nodes with %d pods each become sick", nodes, perNode)
	began := time.Now()
	failed := make(chan error, nodes)
	for i := range nodes {
		go func() { failed <- w.patchNode(ctx, drained(i), `{"metadata":{"annotations":{"sick":"yes"}}}`) }()
	}
	for range nodes {
		if err := <-failed; err != nil {
			return err
		}
	}
	if perNode == 0 {
		return w.reportCordons(ctx, nodes, began, time.Now())
	}
	if err := w.await(ctx, "all nodes to be empty", func(p *corev1.Pod) bool {
		return !strings.HasPrefix(p.Spec.NodeName, label) && p.DeletionTimestamp == nil && p.Status.Phase == corev1.PodRunning
	}, nodes*perNode); err != nil {
		return err
	}
	say("all are empty after %.1f s", time.Since(began).Seconds())
	return w.report(began)
}

func drained(i int) string { return fmt.Sprintf("%s-%03d", label, i) }

// fill makes the nodes with their pods, and as much room elsewhere.
func (w *world) fill(ctx context.Context, nodes, perNode int) error {
	for i := range nodes {
		if err := w.node(ctx, drained(i), perNode, map[string]string{"bench": "drained"}); err != nil {
			return err
		}
	}
	// As many Deployments as pods on a node: the rollout controllers, which write the status of each with every pod that
	// goes or comes, share the machine with what is measured.
	for i := range perNode {
		replicas := int32(nodes)
		labels := map[string]string{"app": fmt.Sprintf("web-%d", i)}
		_, err := w.client.AppsV1().Deployments("default").Create(ctx, &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Name: labels["app"]},
			Spec: appsv1.DeploymentSpec{Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
				Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels},
					Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "registry.local/c:1"}}}}},
		}, metav1.CreateOptions{})
		if err != nil {
			return err
		}
	}
	if err := w.await(ctx, "all pods to run", func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodRunning }, nodes*perNode); err != nil {
		return err
	}
	for i := range nodes*perNode/100 + 2 {
		if err := w.node(ctx, fmt.Sprintf("room-%03d", i), 110, nil); err != nil {
			return err
		}
	}
	say("the cluster is filled")
	return nil
}

func (w *world) node(ctx context.Context, name string, pods int, labels map[string]string) error {
	resources := corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse("64"),
		corev1.ResourceMemory: resource.MustParse("256Gi"),
		corev1.ResourcePods:   *resource.NewQuantity(int64(pods), resource.DecimalSI),
	}
	_, err := w.client.CoreV1().Nodes().Create(ctx, &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels, Annotations: map[string]string{cluster.FakeNodeAnnotation: "fake"}},
		Status:     corev1.NodeStatus{Allocatable: resources, Capacity: resources},
	}, metav1.CreateOptions{})
	return err
}

func (w *world) patchNode(ctx context.Context, name, patch string) error {
	_, err := w.client.CoreV1().Nodes().Patch(ctx, name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	return err
}

// await waits until so many pods fit, and there are no others.
func (w *world) await(ctx context.Context, what string, fits func(*corev1.Pod) bool, want int) error {
	last := ""
	err := wait.PollUntilContextTimeout(ctx, pause, limit, true, func(ctx context.Context) (bool, error) {
		pods, err := w.client.CoreV1().Pods("default").List(ctx, metav1.ListOptions{ResourceVersion: "0"})
		if err != nil {
			return false, err
		}
		n := 0
		for i := range pods.Items {
			if fits(&pods.Items[i]) {
				n++
			}
		}
		last = fmt.Sprintf("%d of %d, %d pods", n, want, len(pods.Items))
		return n == want && len(pods.Items) == want, nil
	})
	if err != nil {
		return fmt.Errorf("waiting for %s: %s: %w", what, last, err)
	}
	return nil
}

// requests are those that the operator made since, by the audit log of the API server.
func (w *world) requests(since time.Time) ([]cluster.AuditEvent, error) {
	events, err := w.AuditEvents("")
	user := "system:serviceaccount:" + operator.Namespace + ":" + operator.ServiceAccount
	return slices.DeleteFunc(events, func(e cluster.AuditEvent) bool {
		return e.User.Username != user || e.Verb == "watch" || e.ObjectRef == nil || e.ObjectRef.Resource == "leases" ||
			e.ResponseStatus == nil || e.RequestReceivedTimestamp.Before(since)
	}), err
}

// reportCordons waits until all nodes are cordoned and says how long that took, from the first and from the last that
// became sick.
func (w *world) reportCordons(ctx context.Context, nodes int, first, all time.Time) error {
	err := wait.PollUntilContextTimeout(ctx, poll, time.Minute, true, func(ctx context.Context) (bool, error) {
		list, err := w.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{ResourceVersion: "0"})
		if err != nil {
			return false, err
		}
		return !slices.ContainsFunc(list.Items, func(n corev1.Node) bool { return n.Labels["bench"] == "drained" && !n.Spec.Unschedulable }), nil
	})
	if err != nil {
		return err
	}
	var last time.Time
	err = wait.PollUntilContextTimeout(ctx, poll, time.Minute, true, func(context.Context) (bool, error) { // answers are logged last
		events, err := w.requests(first)
		cordoned := map[string]bool{}
		for _, e := range events {
			if e.Verb != "patch" || e.ObjectRef.Resource != "nodes" || e.ObjectRef.Subresource != "" ||
				e.ResponseStatus.Code != 200 || cordoned[e.ObjectRef.Name] {
				continue
			}
			cordoned[e.ObjectRef.Name] = true
			if e.StageTimestamp.After(last) {
				last = e.StageTimestamp
			}
		}
		return len(cordoned) == nodes, err
	})
	if err != nil {
		return err
	}
	fmt.Printf("| %d nodes cordoned, from the first / last that became sick | %.1f / %.1f s | <= 2 s |\n", nodes,
		last.Sub(first).Seconds(), last.Sub(all).Seconds())
	return nil
}

// report counts what the operator has asked for since.
func (w *world) report(since time.Time) error {
	events, err := w.requests(since)
	if err != nil {
		return err
	}
	var first, last time.Time
	evictions, calls, told := 0, 0, 0
	kinds := map[string]int{}
	for _, e := range events {
		if e.ObjectRef.Resource == "events" {
			told++
			continue
		}
		calls++
		kinds[e.Verb+" "+e.ObjectRef.Resource+"/"+e.ObjectRef.Subresource]++
		if e.ObjectRef.Subresource != "eviction" || e.ResponseStatus.Code != 201 {
			continue
		}
		evictions++
		if first.IsZero() || e.RequestReceivedTimestamp.Before(first) {
			first = e.RequestReceivedTimestamp
		}
		if e.StageTimestamp.After(last) {
			last = e.StageTimestamp
		}
	}
	took := last.Sub(first).Seconds()
	fmt.Printf("| evictions | %d in %.1f s | %.0f/s | >= 50/s |\n", evictions, took, float64(evictions)/took)
	fmt.Printf("| calls per evicted pod, Events aside | %.2f | with Events %.2f | <= 2 |\n",
		float64(calls)/float64(evictions), float64(calls+told)/float64(evictions))
	fmt.Fprintf(os.Stderr, "%v\n", kinds)
	return nil
}
