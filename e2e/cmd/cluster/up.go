package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
)

// up keeps a cluster until the context ends.
func up(ctx context.Context, args []string) (err error) {
	flags := newClusterFlags("up")
	kubeconfig := flags.set.String("kubeconfig", "", "write the administrator's kubeconfig to this new `FILE`; it is removed at the end")
	if err := flags.parse(args); err != nil {
		return err
	}
	if flags.set.NArg() > 0 {
		return usageError("up takes no arguments, got %q", flags.set.Args())
	}
	c, err := startCluster(ctx, flags)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Stop()) }()

	path := c.AdminKubeconfig()
	if *kubeconfig != "" {
		path = *kubeconfig
		if err := copyNew(c.AdminKubeconfig(), path); err != nil {
			return err
		}
		defer os.Remove(path)
	}
	fmt.Printf("export KUBECONFIG=%s\n", path)
	fmt.Fprintf(os.Stderr, "The cluster is at %s, its data in %s. Ctrl-C ends it.\n", c.URL(), c.DataDir())
	select {
	case <-ctx.Done():
		return nil
	case died := <-c.Died():
		c.KeepLogs()
		return died
	}
}

// startCluster starts a cluster and says how long that took.
func startCluster(ctx context.Context, flags *clusterFlags) (*cluster.Cluster, error) {
	begin := time.Now()
	c, err := cluster.Start(ctx, flags.options)
	if err != nil {
		return nil, err
	}
	if flags.keepLogs {
		c.KeepLogs()
	}
	fmt.Fprintf(os.Stderr, "cluster: ready after %s\n", time.Since(begin).Round(100*time.Millisecond))
	return c, nil
}

// copyNew does not overwrite: somebody's own kubeconfig is easily named by mistake.
func copyNew(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Close())
}
