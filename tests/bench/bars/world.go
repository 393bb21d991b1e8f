package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

const (
	poll = 20 * time.Millisecond
	// loadLimit bounds the wait until the API server has taken in what was put into etcd.
	loadLimit = 2 * time.Minute
)

// auditPolicy has a line for every write and no bodies: the server's own clock for the latencies.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  verbs: [create, update, patch, delete]
- level: None
`

// A world is a control plane with one data set and kube-remedy installed. Nothing in it moves by itself: no
// scheduler, no kubelets, and of the controllers only those that kube-remedy's rights need.
type world struct {
	*cluster.Cluster
	client     kubernetes.Interface
	dynamic    dynamic.Interface
	kubeconfig string // the operator's
	pods       int
	nodes      int
}

// newWorld starts one. On an error nothing is left running and the logs are kept.
func newWorld(ctx context.Context, o options, set string, progress io.Writer) (w *world, err error) {
	policy := filepath.Join(o.dir, "audit-policy.yaml")
	if err := os.WriteFile(policy, []byte(auditPolicy), 0o644); err != nil {
		return nil, err
	}
	c, err := cluster.Start(ctx, cluster.Options{
		ControllerManager: true,
		ControllerManagerArgs: []string{
			// The first makes the service accounts, the second adds up ClusterRoles. The others would
			// find 30,000 pods whose owners do not exist.
			"--controllers=serviceaccount-controller,clusterrole-aggregation-controller",
		},
		APIServerArgs: []string{"--audit-policy-file=" + policy},
		Progress:      progress,
	})
	if err != nil {
		return nil, err
	}
	w = &world{Cluster: c, pods: o.pods, nodes: o.nodes}
	if err := w.fill(ctx, o, set); err != nil {
		w.KeepLogs()
		return nil, errors.Join(err, w.Stop())
	}
	return w, nil
}

func (w *world) fill(ctx context.Context, o options, set string) (err error) {
	if w.client, err = kubernetes.NewForConfig(w.RESTConfig()); err != nil {
		return err
	}
	if w.dynamic, err = dynamic.NewForConfig(w.RESTConfig()); err != nil {
		return err
	}
	start := time.Now()
	n, err := importData(ctx, w.EtcdURL(), o.generator, generatorArgs(set, o.nodes, o.pods))
	if err != nil {
		return err
	}
	if err := w.awaitCounts(ctx); err != nil {
		return err
	}
	say("%s: %d objects are in the API server after %.0f s", set, n, time.Since(start).Seconds())
	return w.install(ctx, o)
}

// awaitCounts waits until the API server says that it has all of them.
func (w *world) awaitCounts(ctx context.Context) error {
	last := ""
	err := wait.PollUntilContextTimeout(ctx, poll, loadLimit, true, func(ctx context.Context) (bool, error) {
		pods, err := w.client.CoreV1().Pods("").List(ctx, metav1.ListOptions{Limit: 1})
		if err != nil {
			return false, err
		}
		nodes, err := w.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{Limit: 1})
		if err != nil {
			return false, err
		}
		havePods, haveNodes := len(pods.Items), len(nodes.Items)
		if pods.RemainingItemCount != nil {
			havePods += int(*pods.RemainingItemCount)
		}
		if nodes.RemainingItemCount != nil {
			haveNodes += int(*nodes.RemainingItemCount)
		}
		last = fmt.Sprintf("%d of %d pods, %d of %d nodes", havePods, w.pods, haveNodes, w.nodes)
		return havePods == w.pods && haveNodes == w.nodes, nil
	})
	if err != nil {
		return fmt.Errorf("the API server has %s: %w", last, err)
	}
	return nil
}

// install brings kube-remedy's kinds and rights, and the right to annotate nodes, which the bench's policy needs.
func (w *world) install(ctx context.Context, o options) error {
	if err := operator.Install(ctx, w.AdminKubeconfig()); err != nil {
		return err
	}
	if _, err := operator.Kubectl(ctx, w.AdminKubeconfig(), nil, "apply", "-f", filepath.Join(o.policies, "rbac.yaml")); err != nil {
		return err
	}
	account, err := w.ServiceAccountKubeconfig(ctx, operator.Namespace, operator.ServiceAccount)
	if err != nil {
		return err
	}
	w.kubeconfig = account.Kubeconfig
	return wait.PollUntilContextTimeout(ctx, poll, time.Minute, true, func(ctx context.Context) (bool, error) {
		role, err := w.client.RbacV1().ClusterRoles().Get(ctx, "kube-remedy-actions", metav1.GetOptions{})
		return err == nil && mayPatchNodes(role), nil
	})
}

func mayPatchNodes(role *rbacv1.ClusterRole) bool {
	for _, rule := range role.Rules {
		for _, resource := range rule.Resources {
			for _, verb := range rule.Verbs {
				if resource == "nodes" && verb == "patch" {
					return true
				}
			}
		}
	}
	return false
}
