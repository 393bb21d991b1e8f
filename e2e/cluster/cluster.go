// Package cluster runs a real Kubernetes control plane on this machine, as processes, without containers.
//
//	c, err := cluster.Start(ctx, cluster.Options{ControllerManager: true})
//	if err != nil { ... }
//	defer c.Stop()
//	client := kubernetes.NewForConfigOrDie(c.RESTConfig())
//
// Guarantees: several clusters can run at once, also of several processes; no child outlives the process that
// started it, whatever way that ends; every wait is bounded, and its error names the log file. In tests,
// package clustertest keeps the logs of a test that failed.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"k8s.io/client-go/rest"

	"github.com/kube-remedy/kube-remedy/e2e/cluster/binaries"
	"github.com/kube-remedy/kube-remedy/e2e/cluster/pki"
	"github.com/kube-remedy/kube-remedy/e2e/internal/ports"
)

// A Cluster is a running control plane. Its methods are safe for concurrent use.
type Cluster struct {
	options   Options
	programs  *binaries.Set
	dir       string
	authority *pki.Authority
	probes    *http.Client
	died      chan error

	etcd, apiServer *component
	components      []*component // in the order they were started
	reserved        []*ports.Port

	keepLogs atomic.Bool
	stopOnce sync.Once
	stopErr  error
}

// Start builds what is missing and starts the cluster; it returns when every component is ready. On an error
// nothing is left running and the logs are kept. ctx bounds the start only.
func Start(ctx context.Context, options Options) (*Cluster, error) {
	if options.Progress == nil {
		options.Progress = io.Discard
	}
	programs, err := binaries.Ensure(ctx, options.Progress, options.programs()...)
	if err != nil {
		return nil, err
	}
	c := &Cluster{options: options, programs: programs, died: make(chan error, 1)}
	if err := c.start(ctx); err != nil {
		c.KeepLogs()
		return nil, errors.Join(fmt.Errorf("starting a cluster: %w", err), c.Stop())
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context) error {
	if err := c.makeDir(); err != nil {
		return err
	}
	if err := c.plan(); err != nil {
		return err
	}
	if err := c.writeFiles(); err != nil {
		return err
	}
	tlsConfig, err := rest.TLSConfigFor(c.RESTConfig())
	if err != nil {
		return err
	}
	// Each probe makes its own connection: one from before a restart would say nothing about the new process.
	c.probes = &http.Client{Transport: &http.Transport{TLSClientConfig: tlsConfig, DisableKeepAlives: true}}
	for _, component := range []*component{c.etcd, c.apiServer} {
		if err := component.start(ctx); err != nil {
			return err
		}
	}
	return c.startClients(ctx)
}

func (c *Cluster) makeDir() (err error) {
	if c.options.DataDir == "" {
		c.dir, err = os.MkdirTemp("", "kube-remedy-cluster-")
		return err
	}
	if entries, err := os.ReadDir(c.options.DataDir); err == nil && len(entries) > 0 {
		return fmt.Errorf("the data folder %s is not empty", c.options.DataDir)
	}
	if c.dir, err = filepath.Abs(c.options.DataDir); err != nil {
		return err
	}
	return os.MkdirAll(c.dir, 0o700)
}

// plan reserves the ports and decides how each component is run and when it is ready.
func (c *Cluster) plan() error {
	etcdPeer, err := c.reserve()
	if err != nil {
		return err
	}
	if c.etcd, err = c.add(binaries.Etcd); err != nil {
		return err
	}
	c.etcd.args, c.etcd.ready = c.etcdArgs("http://"+etcdPeer.Address()), c.EtcdURL()+"/readyz"
	if c.apiServer, err = c.add(binaries.APIServer); err != nil {
		return err
	}
	c.apiServer.args, c.apiServer.ready = c.apiServerArgs(), c.URL()+"/readyz"
	if c.options.ControllerManager {
		m, err := c.add(binaries.ControllerManager)
		if err != nil {
			return err
		}
		// Its own /healthz is content long before it has built its controllers, and an API server that is
		// restarted until then ends it. The first thing that a controller of it makes says that it runs.
		m.args, m.ready = c.controllerManagerArgs(m.port.Number), c.URL()+"/api/v1/namespaces/default/serviceaccounts/default"
	}
	if c.options.Scheduler {
		s, err := c.add(binaries.Scheduler)
		if err != nil {
			return err
		}
		s.args, s.ready = c.schedulerArgs(s.port.Number), "https://"+s.port.Address()+"/readyz"
	}
	if c.options.Kwok {
		k, err := c.add(binaries.Kwok)
		if err != nil {
			return err
		}
		k.args, k.ready = c.kwokArgs(k.port.Address()), "http://"+k.port.Address()+"/healthz"
	}
	return nil
}

func (c *Cluster) add(p binaries.Program) (*component, error) {
	port, err := c.reserve()
	if err != nil {
		return nil, err
	}
	added := &component{cluster: c, program: p, port: port}
	c.components = append(c.components, added)
	return added, nil
}

func (c *Cluster) reserve() (*ports.Port, error) {
	port, err := ports.Reserve()
	if err == nil {
		c.reserved = append(c.reserved, port)
	}
	return port, err
}

// startClients starts what only needs the API server, all at once.
func (c *Cluster) startClients(ctx context.Context) error {
	clients := c.components[2:]
	results := make(chan error, len(clients))
	for _, component := range clients {
		go func() { results <- component.start(ctx) }()
	}
	var all error
	for range clients {
		all = errors.Join(all, <-results)
	}
	return all
}
