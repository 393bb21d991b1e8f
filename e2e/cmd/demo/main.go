// Demo shows one incident from beginning to end on a real control plane: calico-node fails its liveness probe
// because localhost does not resolve, kube-remedy sets FELIX_HEALTHHOST, waits for the rollout and confirms the cure.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
)

func main() {
	contextName := flag.String("context", "", "use this context of your kubeconfig instead of a local cluster (asks first)")
	assumeYes := flag.Bool("yes", false, "do not ask")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), `Shows kube-remedy healing calico-node on a real control plane.

  demo                    on a local cluster that is thrown away at the end
  demo --context kind     on an existing cluster (no etcd or API server is started)

`)
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 20*time.Minute)
	defer cancel()
	if err := run(ctx, *contextName, *assumeYes); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, contextName string, assumeYes bool) error {
	stage := &stage{out: os.Stdout, begin: time.Now()}
	if contextName != "" {
		if !assumeYes && !confirm(contextName) {
			return errors.New("nothing was done")
		}
		return stage.play(ctx, existing(contextName))
	}
	stage.say("A control plane of its own: etcd, kube-apiserver, controller-manager and scheduler as processes, " +
		"kwok in the part of the kubelets.")
	c, err := cluster.Start(ctx, cluster.Options{ControllerManager: true, Scheduler: true, Kwok: true, Progress: os.Stdout})
	if err != nil {
		return err
	}
	defer c.Stop()
	err = stage.play(ctx, local(c))
	if err != nil {
		c.KeepLogs()
		err = fmt.Errorf("%w\nthe logs are in %s", err, c.LogDir())
	}
	return err
}

func confirm(contextName string) bool {
	fmt.Printf("This installs the CRDs, RBAC and one policy of kube-remedy into the cluster of context %q, makes a namespace\n"+
		"%s with a DaemonSet named calico-node (busybox, asleep), runs the operator on this machine, and removes all\n"+
		"of it at the end. The policy looks at that namespace only.\nGo on? [y/N] ", contextName, ownNamespace)
	answer, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return false
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}
