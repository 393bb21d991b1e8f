// Command cluster runs a throw-away Kubernetes control plane on this machine. "cluster --help" says how.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/kube-remedy/kube-remedy/e2e/cluster/binaries"
)

const usage = `Runs a real Kubernetes control plane on this machine: etcd, API server, controller-manager and scheduler as
processes, on free ports, with a data folder of their own. The programs are built from Go modules the first time.

  cluster up [FLAGS]                      in the foreground until Ctrl-C
  cluster run [FLAGS] -- COMMAND ARGS...  for the time of one command, with its exit status
  cluster serviceaccount [FLAGS]          a kubeconfig with a token of a service account
  cluster build                           only builds the programs

Examples:
  cluster up --kwok --kubeconfig /tmp/kubeconfig
  cluster run -- kubectl get namespaces
  cluster run --kwok --controller-manager-arg=--node-monitor-grace-period=8s -- ./test.sh
  cluster run -- bash                     a shell in which kubectl talks to the new cluster
  cluster serviceaccount --namespace ops --name robot --dir /tmp/robot

What "run" adds to the command's environment:
  KUBECONFIG             of an administrator
  KUBE_REMEDY_AUDIT_LOG  the API server's audit log, JSON lines
  KUBE_REMEDY_CLUSTER    the data folder (logs/, pki/ca.crt, pki/ca.key)
  PATH                   with the kubectl of the same version first
Everything is torn down when the command ends, however it ends. If it fails by itself, the logs are kept.

What both read:
  KUBE_REMEDY_CACHE      where programs are built once (default: kube-remedy in the user's cache folder)
  KUBEBUILDER_ASSETS     a folder with etcd, kube-apiserver or kubectl to use instead

"cluster COMMAND --help" lists the flags.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	code := dispatch(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// exitError is an error with the exit status that it asks for.
type exitError struct {
	code int
	text string
}

func (e exitError) Error() string { return e.text }

// Is compares the status alone.
func (e exitError) Is(other error) bool {
	exit, ok := other.(exitError)
	return ok && exit.code == e.code
}

func dispatch(ctx context.Context, args []string) int {
	err := errors.New("a command is missing; see cluster --help")
	if len(args) > 0 {
		switch args[0] {
		case "up":
			err = up(ctx, args[1:])
		case "run":
			err = run(ctx, args[1:])
		case "serviceaccount":
			err = serviceAccount(ctx, args[1:])
		case "build":
			_, err = binaries.Ensure(ctx, os.Stderr)
		case "help", "-h", "-help", "--help":
			io.WriteString(os.Stdout, usage)
			return 0
		default:
			err = usageError("unknown command %q; see cluster --help", args[0])
		}
	}
	var exit exitError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &exit):
		if exit.text != "" {
			fmt.Fprintln(os.Stderr, "cluster:", exit.text)
		}
		return exit.code
	default:
		fmt.Fprintln(os.Stderr, "cluster:", err)
		return 1
	}
}

func usageError(format string, args ...any) error {
	return exitError{code: 2, text: fmt.Sprintf(format, args...)}
}
