package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
	"github.com/kube-remedy/kube-remedy/e2e/cluster/binaries"
	"github.com/kube-remedy/kube-remedy/e2e/internal/process"
)

// graceful is how long an interrupted command may clean up before it is killed.
const graceful = 10 * time.Second

// run keeps a cluster for the time of one command.
func run(ctx context.Context, args []string) (err error) {
	flags := newClusterFlags("run")
	if err := flags.parse(args); err != nil {
		return err
	}
	if flags.set.NArg() == 0 {
		return usageError("run needs a command, as in: cluster run -- kubectl get namespaces")
	}
	tools, err := binaries.Ensure(ctx, os.Stderr, binaries.Kubectl)
	if err != nil {
		return err
	}
	c, err := startCluster(ctx, flags)
	if err != nil {
		return err
	}
	defer func() {
		interrupted := ctx.Err() != nil || errors.Is(err, exitError{code: 128 + int(syscall.SIGINT)})
		if err != nil && !interrupted { // nobody wants the logs of what they interrupted
			c.KeepLogs()
		}
		err = errors.Join(err, c.Stop())
	}()
	// Looked up with the new PATH, so that "run -- kubectl" takes the cached one.
	path := filepath.Dir(tools.Path(binaries.Kubectl)) + string(os.PathListSeparator) + os.Getenv("PATH")
	if err := os.Setenv("PATH", path); err != nil {
		return err
	}
	cmd := exec.Command(flags.set.Arg(0), flags.set.Args()[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(),
		"KUBECONFIG="+c.AdminKubeconfig(),
		"KUBE_REMEDY_AUDIT_LOG="+c.AuditLog(),
		"KUBE_REMEDY_CLUSTER="+c.DataDir(),
	)
	return runCommand(ctx, c, cmd)
}

// runCommand returns how the command ended. At the end nothing of its process group is left.
func runCommand(ctx context.Context, c *cluster.Cluster, cmd *exec.Cmd) error {
	giveBack := lendTerminal(cmd)
	defer giveBack()
	if err := process.StartBound(cmd); err != nil {
		return exitError{code: 127, text: err.Error()}
	}
	group := -cmd.Process.Pid
	defer syscall.Kill(group, syscall.SIGKILL)
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()

	select {
	case err := <-ended:
		return exitOf(cmd, err)
	case died := <-c.Died():
		return fmt.Errorf("the cluster broke: %w", died)
	case <-ctx.Done():
	}
	syscall.Kill(group, syscall.SIGTERM)
	select {
	case <-ended:
	case <-time.After(graceful):
	}
	return exitError{code: 128 + int(syscall.SIGTERM), text: "interrupted"}
}

// exitOf passes an exit status on, in the way a shell does it for a signal.
func exitOf(cmd *exec.Cmd, err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return exitError{code: 128 + int(status.Signal()), text: fmt.Sprintf("%s: %v", cmd.Args[0], status.Signal())}
	}
	return exitError{code: exit.ExitCode(), text: fmt.Sprintf("%s ended with status %d", cmd.Args[0], exit.ExitCode())}
}
