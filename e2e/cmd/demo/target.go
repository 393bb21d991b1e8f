package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
	"github.com/kube-remedy/kube-remedy/e2e/scenario"
)

// A target is the cluster that the demo plays on.
type target struct {
	namespace string // of the DaemonSet; made by the demo
	// workload is the DaemonSet, with something in it that the nodes can run.
	workload func(namespace string) *appsv1.DaemonSet
	// check refuses a cluster in which the demo could meet, or remove, what it did not bring.
	check func(ctx context.Context, client kubernetes.Interface) error
	// prepare gives an administrator's kubeconfig, one for the operator, and a folder for its files.
	prepare func(ctx context.Context) (admin *rest.Config, kubeconfig, dir string, err error)
	// identity makes the operator's credentials, after RBAC is there.
	identity func(ctx context.Context, admin *rest.Config, dir string) (kubeconfig string, err error)
	// nodes makes nodes for the DaemonSet, where the cluster has none, and says how many there are at least.
	nodes   func(ctx context.Context, client kubernetes.Interface) (int32, error)
	cleanup bool   // the cluster stays, so what was put into it has to go
	policy  string // JSON merge patch on the shipped policy
}

func local(c *cluster.Cluster) target {
	return target{
		namespace: "calico-system",
		workload:  scenario.CalicoDaemonSet,
		policy:    `{"spec":{"recovery":{"stableFor":"2s"}}}`,
		check:     func(context.Context, kubernetes.Interface) error { return nil },
		prepare: func(context.Context) (*rest.Config, string, string, error) {
			return c.RESTConfig(), c.AdminKubeconfig(), c.LogDir(), nil
		},
		identity: func(ctx context.Context, _ *rest.Config, _ string) (string, error) {
			account, err := c.ServiceAccountKubeconfig(ctx, operator.Namespace, operator.ServiceAccount)
			if err != nil {
				return "", err
			}
			return account.Kubeconfig, nil
		},
		nodes: func(ctx context.Context, client kubernetes.Interface) (int32, error) {
			return 3, scenario.Nodes(ctx, client, 3)
		},
	}
}

// The cluster may run Calico: the demo keeps to a namespace of its own, and so does its policy.
const ownNamespace = "kube-remedy-demo"

// An installed kube-remedy would act as well, and its policies would go with the CRDs at the end.
func nothingOfOursYet(ctx context.Context, client kubernetes.Interface) error {
	groups, err := client.Discovery().ServerGroups()
	if err != nil {
		return err
	}
	for _, group := range groups.Groups {
		if group.Name == "kube-remedy.io" {
			return errors.New("kube-remedy is installed in that cluster already; nothing was done")
		}
	}
	for _, name := range []string{operator.Namespace, ownNamespace} {
		_, err := client.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
		if err == nil {
			return fmt.Errorf("the cluster has a namespace %s already; nothing was done", name)
		}
		if !apierrors.IsNotFound(err) {
			return err
		}
	}
	return nil
}

// idleDaemonSet looks like calico-node and does nothing, on the nodes that take ordinary pods.
func idleDaemonSet(namespace string) *appsv1.DaemonSet {
	ds := scenario.CalicoDaemonSet(namespace)
	pod := &ds.Spec.Template.Spec
	pod.HostNetwork = false
	pod.Tolerations = nil
	pod.TerminationGracePeriodSeconds = new(int64)
	pod.Containers[0].Image = "busybox:stable"
	pod.Containers[0].Command = []string{"sleep", "86400"}
	return ds
}

func existing(contextName string) target {
	return target{
		namespace: ownNamespace,
		workload:  idleDaemonSet,
		policy:    `{"spec":{"recovery":{"stableFor":"2s"},"target":{"namespaces":["` + ownNamespace + `"]}}}`,
		check:     nothingOfOursYet,
		cleanup:   true,
		prepare: func(context.Context) (*rest.Config, string, string, error) {
			dir, err := os.MkdirTemp("", "kube-remedy-demo-")
			if err != nil {
				return nil, "", "", err
			}
			rules := clientcmd.NewDefaultClientConfigLoadingRules()
			config := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: contextName})
			raw, err := config.RawConfig()
			if err != nil {
				return nil, "", "", err
			}
			if raw.Contexts[contextName] == nil {
				return nil, "", "", fmt.Errorf("there is no context %q in your kubeconfig", contextName)
			}
			// kubectl is to use that context too, whatever is current.
			raw.CurrentContext = contextName
			file := filepath.Join(dir, "admin.kubeconfig")
			if err := clientcmd.WriteToFile(raw, file); err != nil {
				return nil, "", "", err
			}
			admin, err := config.ClientConfig()
			return admin, file, dir, err
		},
		identity: func(ctx context.Context, admin *rest.Config, dir string) (string, error) {
			account, err := cluster.NewServiceAccount(ctx, admin, dir, operator.Namespace, operator.ServiceAccount)
			if err != nil {
				return "", err
			}
			return account.Kubeconfig, nil
		},
		nodes: func(context.Context, kubernetes.Interface) (int32, error) { return 1, nil },
	}
}
