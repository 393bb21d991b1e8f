package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
	"github.com/kube-remedy/kube-remedy/e2e/scenario"
)

// A target is the cluster that the demo plays on.
type target struct {
	// prepare gives an administrator's kubeconfig, one for the operator, and a folder for its files.
	prepare func(ctx context.Context) (admin *rest.Config, kubeconfig, dir string, err error)
	// identity makes the operator's credentials, after RBAC is there.
	identity func(ctx context.Context, admin *rest.Config, dir string) (kubeconfig string, err error)
	// nodes makes nodes for the DaemonSet, where the cluster has none.
	nodes   func(ctx context.Context, client kubernetes.Interface) error
	cleanup bool // the cluster stays, so what was put into it has to go
}

func local(c *cluster.Cluster) target {
	return target{
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
		nodes: func(ctx context.Context, client kubernetes.Interface) error {
			return scenario.Nodes(ctx, client, 3)
		},
	}
}

func existing(contextName string) target {
	return target{
		cleanup: true,
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
		nodes: func(context.Context, kubernetes.Interface) error { return nil },
	}
}
