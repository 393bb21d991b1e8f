// Package operator runs kube-remedy as a process beside a cluster, as the service account that the shipped RBAC
// is about, never as an administrator.
package operator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kube-remedy/kube-remedy/e2e/cluster/binaries"
	"github.com/kube-remedy/kube-remedy/e2e/internal/ports"
	"github.com/kube-remedy/kube-remedy/e2e/internal/process"
)

// Namespace and ServiceAccount are those of config/rbac.
const (
	Namespace      = "kube-remedy"
	ServiceAccount = "kube-remedy"
)

// Quick is a configuration file with waiting times for tests: nothing is slept away. The times of a policy
// itself are in the policy. Its lease outlasts the restart of an API server and a machine that stands still for some
// seconds: an operator that loses its lease ends, and it takes a Deployment to start it again.
const Quick = `
log: {level: debug, format: text}
leaderElection: {leaseDuration: 60s, renewDeadline: 50s, retryPeriod: 1s}
limits: {breakerCalm: 2s}
timing: {retryInitial: 100ms, retryMax: 1s, recheck: 50ms, statusInterval: 200ms, progressInterval: 200ms, pruneInterval: 1s}
watches: {settle: 200ms, backoffInitial: 100ms, backoffMax: 1s}
nodeCommands: {image: "registry.local/kube-remedy:test"}
`

// Options say how to run it.
type Options struct {
	Kubeconfig string
	Config     string   // content of the configuration file; Quick if empty
	Args       []string // appended
	Env        []string // such as POD_NAME, which a Deployment sets
	Dir        string   // for its files and log
	Name       string   // of the log file; "operator" if empty
}

// An Operator is one running process.
type Operator struct {
	process *process.Process
	address string
	log     string
}

// Binary is the program under test: $KUBE_REMEDY_BIN/kube-remedy, or that of the release build.
func Binary(program string) (string, error) {
	dir := os.Getenv("KUBE_REMEDY_BIN")
	if dir == "" {
		root, err := binaries.RepositoryRoot()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(root, "build", "release", "bin")
	}
	path := filepath.Join(dir, program)
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
		return path, nil
	}
	return "", fmt.Errorf("%s is not in %s: run `make build` first", program, dir)
}

// Start starts the operator and returns as soon as the process runs.
func Start(o Options) (*Operator, error) {
	binary, err := Binary("kube-remedy")
	if err != nil {
		return nil, err
	}
	if o.Config == "" {
		o.Config = Quick
	}
	if o.Name == "" {
		o.Name = "operator"
	}
	port, err := ports.Reserve()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(o.Dir, o.Name+".yaml")
	if err := os.WriteFile(config, []byte(o.Config), 0o644); err != nil {
		return nil, err
	}
	op := &Operator{address: port.Address(), log: filepath.Join(o.Dir, o.Name+".log")}
	args := append([]string{"controller", "--config", config, "--kubeconfig", o.Kubeconfig, "--listen", op.address}, o.Args...)
	op.process, err = process.Start(process.Spec{Name: o.Name, Path: binary, Args: args, Dir: o.Dir, Log: op.log, Env: o.Env})
	return op, err
}

// Log is the file that it writes to.
func (o *Operator) Log() string { return o.log }

// Pid is its process id.
func (o *Operator) Pid() int { return o.process.Pid() }

// Done is closed when it has ended.
func (o *Operator) Done() <-chan struct{} { return o.process.Done() }

// Ended tells how it ended, with the end of its log; nil as long as it runs.
func (o *Operator) Ended() error {
	select {
	case <-o.Done():
		return o.process.Failure(errors.New("ended"))
	default:
		return nil
	}
}

// Kill is kill -9.
func (o *Operator) Kill() { o.process.Kill() }

// Terminate asks it to stop and waits until it has; the error says how it ended.
func (o *Operator) Terminate(ctx context.Context) error {
	if err := syscall.Kill(o.Pid(), syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-o.Done():
		return o.process.ExitError()
	case <-ctx.Done():
		return fmt.Errorf("the operator did not stop: %w", ctx.Err())
	}
}

// Get reads one of its pages: /readyz, /metrics.
func (o *Operator) Get(ctx context.Context, path string) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+o.address+path, nil)
	if err != nil {
		return 0, "", err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(body), err
}

// WaitReady returns when /readyz says ok.
func (o *Operator) WaitReady(ctx context.Context) error {
	last := errors.New("never asked")
	err := wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		if ended := o.Ended(); ended != nil {
			return false, fmt.Errorf("not ready: %w", ended)
		}
		code, body, err := o.Get(ctx, "/readyz?verbose")
		if err == nil && code == http.StatusOK {
			return true, nil
		}
		if err == nil {
			err = fmt.Errorf("/readyz: %d %s", code, body)
		}
		last = err
		return false, nil
	})
	if err != nil && !errors.Is(last, err) {
		return fmt.Errorf("%w (%v)", err, last)
	}
	return err
}

// Manifests is the path of a kustomize folder of the repository.
func Manifests(folder string) (string, error) {
	root, err := binaries.RepositoryRoot()
	return filepath.Join(root, folder), err
}

// Install applies config/local (kinds, RBAC, admission policy) as the administrator, with kubectl as a user would.
func Install(ctx context.Context, kubeconfig string, extra ...string) error {
	for _, folder := range append([]string{"config/local"}, extra...) {
		manifests, err := Manifests(folder)
		if err != nil {
			return err
		}
		if out, err := Kubectl(ctx, kubeconfig, nil, "apply", "-k", manifests); err != nil {
			return fmt.Errorf("applying %s: %w\n%s", folder, err, out)
		}
	}
	_, err := Kubectl(ctx, kubeconfig, nil, "wait", "--for=condition=Established", "--timeout=60s",
		"crd/remediationpolicies.kube-remedy.io", "crd/remediations.kube-remedy.io")
	return err
}

// Kubectl runs the kubectl of the cluster's version, with kubectl-remedy as its plugin, and returns what it printed.
func Kubectl(ctx context.Context, kubeconfig string, stdin io.Reader, args ...string) (string, error) {
	set, err := binaries.Ensure(ctx, io.Discard, binaries.Kubectl)
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, set.Path(binaries.Kubectl), args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	if plugin, err := Binary("kubectl-remedy"); err == nil {
		cmd.Env = append(cmd.Env, "PATH="+filepath.Dir(plugin)+":"+os.Getenv("PATH"))
	}
	cmd.Stdin = stdin
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("kubectl %v: %w: %s", args, err, out)
	}
	return string(out), err
}
