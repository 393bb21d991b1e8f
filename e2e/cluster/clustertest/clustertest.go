// Package clustertest ties a local cluster to the life of a test.
package clustertest

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
)

// startLimit leaves time for a first build of the programs on a small machine.
const startLimit = 30 * time.Minute

// Start starts a cluster that is stopped when the test ends. A failed test keeps the logs and prints where.
func Start(t testing.TB, options cluster.Options) *cluster.Cluster {
	t.Helper()
	if options.Progress == nil {
		options.Progress = os.Stderr
	}
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	c, err := cluster.Start(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		select {
		case err := <-c.Died():
			t.Errorf("a component died during the test: %v", err)
		default:
		}
		if t.Failed() {
			c.KeepLogs()
			t.Logf("the logs of the cluster are in %s", c.LogDir())
		}
		if err := c.Stop(); err != nil {
			t.Errorf("stopping the cluster: %v", err)
		}
	})
	return c
}
