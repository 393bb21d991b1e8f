package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
)

// serviceAccount writes the credentials of a service account of the cluster that KUBECONFIG names.
func serviceAccount(ctx context.Context, args []string) error {
	set := flag.NewFlagSet("cluster serviceaccount", flag.ContinueOnError)
	namespace := set.String("namespace", "default", "`NAMESPACE` of the service account")
	name := set.String("name", "default", "`NAME` of the service account, which must exist")
	dir := set.String("dir", "", "`DIR` for kubeconfig, token, ca.crt and namespace")
	context := set.String("context", "", "context of the kubeconfig to use (default: its current one)")
	if err := parse(set, args); err != nil {
		return err
	}
	if *dir == "" {
		return usageError("serviceaccount needs --dir")
	}
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		clientcmd.NewDefaultClientConfigLoadingRules(),
		&clientcmd.ConfigOverrides{CurrentContext: *context}).ClientConfig()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(*dir, 0o700); err != nil {
		return err
	}
	account, err := cluster.NewServiceAccount(ctx, config, *dir, *namespace, *name)
	if err != nil {
		return err
	}
	fmt.Println(account.Kubeconfig)
	return nil
}
