package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kube-remedy/kube-remedy/e2e/cluster/binaries"
	"github.com/kube-remedy/kube-remedy/e2e/internal/ports"
	"github.com/kube-remedy/kube-remedy/e2e/internal/process"
)

const (
	// readyLimit bounds the wait for one component. An idle machine needs 3 s; CI also compiles meanwhile.
	readyLimit = 2 * time.Minute
	// portLimit bounds the wait for the port of a killed process, which the kernel frees at once.
	portLimit = 10 * time.Second
	readyPoll = 25 * time.Millisecond
)

// A component is one program of the cluster, which can be stopped and started on the same port.
type component struct {
	cluster *Cluster
	program binaries.Program
	args    []string
	port    *ports.Port
	// ready is the URL that answers 200 once the component does its work.
	ready string

	mu      sync.Mutex
	process *process.Process // nil while stopped
}

// start runs the component and waits until it is ready. On an error nothing is left running.
func (c *component) start(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process != nil {
		return nil
	}
	p, err := process.Start(process.Spec{
		Name: string(c.program),
		Path: c.cluster.programs.Path(c.program),
		Args: c.args,
		Dir:  c.cluster.dir,
		Log:  filepath.Join(c.cluster.LogDir(), string(c.program)+".log"),
	})
	if err != nil {
		return err
	}
	if err := c.waitReady(ctx, p); err != nil {
		failure := p.Failure(err)
		p.Kill()
		return failure
	}
	c.process = p
	go c.watch(p)
	return nil
}

func (c *component) waitReady(ctx context.Context, p *process.Process) error {
	start, last := time.Now(), errors.New("no answer")
	err := wait.PollUntilContextTimeout(ctx, readyPoll, readyLimit, true, func(ctx context.Context) (bool, error) {
		select {
		case <-p.Done():
			return false, errors.New("ended before it was ready")
		default:
		}
		last = c.probe(ctx)
		return last == nil, nil
	})
	if err != nil && wait.Interrupted(err) {
		return fmt.Errorf("not ready after %s: %w", time.Since(start).Round(time.Second), errors.Join(last, context.Cause(ctx)))
	}
	return err
}

// probe asks once whether the component is ready.
func (c *component) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.ready, nil)
	if err != nil {
		return err
	}
	response, err := c.cluster.probes.Do(request)
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", c.ready, response.Status)
	}
	return nil
}

// watch reports a process that ends although nobody stopped it.
func (c *component) watch(p *process.Process) {
	<-p.Done()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process == p {
		c.process = nil
		select {
		case c.cluster.died <- p.Failure(errors.New("ended although nobody stopped it")):
		default: // the first death explains the others
		}
	}
}

// stop kills the component and waits until its port can be used again. It may be called again.
func (c *component) stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process == nil {
		return nil
	}
	p := c.process
	c.process = nil
	p.Kill()
	err := wait.PollUntilContextTimeout(context.Background(), readyPoll, portLimit, true, func(context.Context) (bool, error) {
		return c.port.Free(), nil
	})
	if err != nil {
		return fmt.Errorf("%s: port %d is still taken after the process was killed: %w", c.program, c.port.Number, err)
	}
	return nil
}
