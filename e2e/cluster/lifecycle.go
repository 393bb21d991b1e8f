package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Died receives one error when a component ends although nobody stopped it.
func (c *Cluster) Died() <-chan error { return c.died }

// StopAPIServer kills the API server. Watches break, and connections are refused until StartAPIServer.
func (c *Cluster) StopAPIServer() error { return c.apiServer.stop() }

// StartAPIServer starts it again on the same port with the same data, and waits until it is ready.
func (c *Cluster) StartAPIServer(ctx context.Context) error { return c.apiServer.start(ctx) }

// RestartAPIServer is both. The clients of the old process see a cut, and the audit log goes on.
func (c *Cluster) RestartAPIServer(ctx context.Context) error {
	if err := c.StopAPIServer(); err != nil {
		return err
	}
	return c.StartAPIServer(ctx)
}

// KeepLogs makes Stop leave the data folder, without etcd's data, so that somebody can read the logs.
func (c *Cluster) KeepLogs() { c.keepLogs.Store(true) }

// Stop kills everything in the reverse order of the start, waits until all ports are free and removes the data.
// It may be called again.
func (c *Cluster) Stop() error {
	c.stopOnce.Do(func() {
		var all error
		for _, component := range slices.Backward(c.components) {
			all = errors.Join(all, component.stop())
		}
		for _, port := range c.reserved {
			port.Release()
		}
		c.stopErr = errors.Join(all, c.removeData())
	})
	return c.stopErr
}

func (c *Cluster) removeData() error {
	switch {
	case c.dir == "":
		return nil
	case c.keepLogs.Load():
		fmt.Fprintf(c.options.Progress, "the logs of the cluster are in %s\n", c.LogDir())
		return os.RemoveAll(filepath.Join(c.dir, "etcd"))
	case c.options.DataDir != "":
		return os.RemoveAll(filepath.Join(c.dir, "etcd"))
	default:
		return os.RemoveAll(c.dir)
	}
}
