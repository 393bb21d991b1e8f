package harness

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
	"github.com/kube-remedy/kube-remedy/e2e/scenario"
)

// A Shared world is started by the first test that asks for it and serves the others too: they keep apart by
// namespaces and names of policies. An operator that ends by itself fails the test that it ends in, and only that.
type Shared struct {
	Options  cluster.Options
	Nodes    int  // simulated nodes
	Operator bool // with an operator that runs all the time

	lock  sync.Mutex
	world *World
	op    *operator.Operator
	err   error
}

// Get returns the world, and its operator if it has one.
func (s *Shared) Get(t testing.TB) (*World, *operator.Operator) {
	t.Helper()
	s.lock.Lock()
	defer s.lock.Unlock()
	s.ensure()
	if s.err != nil {
		t.Fatal(s.err)
	}
	op := s.op
	t.Cleanup(func() {
		if op != nil && op.Ended() != nil {
			t.Error(op.Ended())
		}
		if t.Failed() {
			s.world.KeepLogs()
			s.keepMetrics(t, op)
			t.Logf("the logs are in %s", s.world.LogDir())
		}
	})
	return s.world, op
}

// ensure starts what does not run: all of it at first, and later an operator that has ended.
func (s *Shared) ensure() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Minute) // the first build of the programs
	defer cancel()
	if s.world == nil && s.err == nil {
		if s.world, s.err = NewWorld(ctx, s.Options); s.err == nil {
			s.err = scenario.Nodes(ctx, s.world.Client, s.Nodes)
		}
	}
	if s.err != nil || !s.Operator || s.op != nil && s.op.Ended() == nil {
		return
	}
	s.op, s.err = operator.Start(operator.Options{Kubeconfig: s.world.Account.Kubeconfig, Dir: s.world.LogDir()})
	if s.err == nil {
		s.err = s.op.WaitReady(ctx)
	}
}

// keepMetrics writes down what the operator has counted, beside its log: whether a change arrived at all, say.
func (s *Shared) keepMetrics(t testing.TB, op *operator.Operator) {
	if op == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Second)
	defer cancel()
	if _, text, err := op.Get(ctx, "/metrics"); err == nil {
		_ = os.WriteFile(filepath.Join(s.world.LogDir(), strings.ReplaceAll(t.Name(), "/", "_")+".metrics"), []byte(text), 0o644)
	}
}

// Close ends it; TestMain calls it.
func (s *Shared) Close() {
	if s.op != nil {
		s.op.Kill()
	}
	if s.world != nil {
		s.world.Close()
	}
}
