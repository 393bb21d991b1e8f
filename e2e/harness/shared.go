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
// namespaces and names of policies.
type Shared struct {
	Options  cluster.Options
	Nodes    int  // simulated nodes
	Operator bool // with an operator that runs all the time

	once  sync.Once
	world *World
	op    *operator.Operator
	err   error
}

// Get returns the world, and its operator if it has one.
func (s *Shared) Get(t testing.TB) (*World, *operator.Operator) {
	t.Helper()
	s.once.Do(s.start)
	if s.err != nil {
		t.Fatal(s.err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			s.world.KeepLogs()
			s.keepMetrics(t)
			t.Logf("the logs are in %s", s.world.LogDir())
		}
	})
	return s.world, s.op
}

// keepMetrics writes down what the operator has counted, beside its log: whether a change arrived at all, say.
func (s *Shared) keepMetrics(t testing.TB) {
	if s.op == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Second)
	defer cancel()
	if _, text, err := s.op.Get(ctx, "/metrics"); err == nil {
		_ = os.WriteFile(filepath.Join(s.world.LogDir(), strings.ReplaceAll(t.Name(), "/", "_")+".metrics"), []byte(text), 0o644)
	}
}

func (s *Shared) start() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Minute) // the first build of the programs
	defer cancel()
	if s.world, s.err = NewWorld(ctx, s.Options); s.err != nil {
		return
	}
	if s.err = scenario.Nodes(ctx, s.world.Client, s.Nodes); s.err != nil || !s.Operator {
		return
	}
	if s.op, s.err = operator.Start(operator.Options{Kubeconfig: s.world.Account.Kubeconfig, Dir: s.world.LogDir()}); s.err == nil {
		s.err = s.op.WaitReady(ctx)
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
