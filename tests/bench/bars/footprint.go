package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

const (
	// peerLimit bounds a peer's whole run.
	peerLimit = 3 * time.Minute
	stopLimit = 30 * time.Second
)

// A footprint is what a program took until it was synced.
type footprint struct {
	synced    usage
	collected usage // peers only: after the garbage collector has given back what it can
}

// quiet is the shipped configuration, with a log that says no more than is needed after a failure, and with the
// budget of nodes open for the policy that is to act on all of them at once.
const quiet = `
log: {level: info, format: text}
limits: {exemptFromNodeBudget: [bench-fault]}
`

// startOperator starts kube-remedy with the shipped configuration and waits until it is ready.
func (w *world) startOperator(ctx context.Context, name string) (*operator.Operator, error) {
	op, err := operator.Start(operator.Options{Kubeconfig: w.kubeconfig, Config: quiet, Dir: w.LogDir(), Name: name})
	if err != nil {
		return nil, err
	}
	if err := op.WaitReady(ctx); err != nil {
		op.Kill()
		return nil, err
	}
	return op, nil
}

// stopOperator lets it give its lease back, so that the next one leads at once.
func stopOperator(ctx context.Context, op *operator.Operator) error {
	ctx, cancel := context.WithTimeout(ctx, stopLimit)
	defer cancel()
	defer op.Kill()
	return op.Terminate(ctx)
}

// operatorFootprint runs kube-remedy with these policies until all of them watch all of their targets.
func (w *world) operatorFootprint(ctx context.Context, o options, name string, policies ...string) (f footprint, err error) {
	if err := w.applyPolicies(ctx, o, policies...); err != nil {
		return f, err
	}
	op, err := w.startOperator(ctx, name)
	if err != nil {
		return f, err
	}
	defer op.Kill()
	if err := w.awaitPolicies(ctx); err != nil {
		return f, err
	}
	if err := awaitLeader(ctx, op); err != nil {
		return f, err
	}
	if f.synced, err = usageOf(op.Pid()); err != nil {
		return f, err
	}
	return f, stopOperator(ctx, op)
}

// awaitLeader waits until the operator leads and nothing is left in its queue: without policies there is nothing
// else to see.
func awaitLeader(ctx context.Context, op *operator.Operator) error {
	return wait.PollUntilContextTimeout(ctx, poll, readyLimit, true, func(ctx context.Context) (bool, error) {
		_, text, err := op.Get(ctx, "/metrics")
		if err != nil {
			return false, err
		}
		return strings.Contains(text, "\nkube_remedy_leader 1") && strings.Contains(text, "\nkube_remedy_engine_queue_depth 0"), nil
	})
}

// peerFootprint runs one of client-go's caches to the same point.
func (w *world) peerFootprint(ctx context.Context, o options, client, resources string) (f footprint, err error) {
	ctx, cancel := context.WithTimeout(ctx, peerLimit)
	defer cancel()
	log, err := os.Create(filepath.Join(w.LogDir(), "peer-"+client+".log"))
	if err != nil {
		return f, err
	}
	defer log.Close()
	peer := exec.CommandContext(ctx, o.peers, "--kubeconfig", w.AdminKubeconfig(), "--client", client, "--resources", resources)
	peer.Stderr = log
	// It ends when its input does, also when this process is killed.
	commands, err := peer.StdinPipe()
	if err != nil {
		return f, err
	}
	out, err := peer.StdoutPipe()
	if err != nil {
		return f, err
	}
	peer.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is ours to handle
	if err := peer.Start(); err != nil {
		return f, err
	}
	defer peer.Wait()
	defer commands.Close()
	answers := bufio.NewScanner(out)
	if err := expect(answers, "synced"); err != nil {
		return f, err
	}
	if f.synced, err = usageOf(peer.Process.Pid); err != nil {
		return f, err
	}
	if _, err := io.WriteString(commands, "collect\n"); err != nil {
		return f, err
	}
	if err := expect(answers, "collected"); err != nil {
		return f, err
	}
	f.collected, err = usageOf(peer.Process.Pid)
	return f, err
}

func expect(answers *bufio.Scanner, word string) error {
	if !answers.Scan() {
		return fmt.Errorf("the peer ended before it said %q", word)
	}
	if answers.Text() != word {
		return fmt.Errorf("the peer said %q instead of %q", answers.Text(), word)
	}
	return nil
}
