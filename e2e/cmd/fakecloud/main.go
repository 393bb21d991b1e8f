// Command fakecloud gives Services of type LoadBalancer addresses on a cluster that has no cloud.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kube-remedy/kube-remedy/e2e/fakecloud"
)

func main() {
	kubeconfig := flag.String("kubeconfig", os.Getenv("KUBECONFIG"), "of the cluster")
	class := flag.String("class", "", "the spec.loadBalancerClass to serve; none: Services without one")
	only := flag.String("creation-only", "cloud.example/", "prefixes of annotations that are read when a load balancer is made, with commas")
	refuse := flag.Bool("refuse", false, "fail when such an annotation was changed, instead of ignoring it")
	delay := flag.Duration("delay", time.Second, "how long the cloud takes")
	flag.Parse()
	if err := run(*kubeconfig, fakecloud.Options{Class: *class, CreationOnly: strings.Split(*only, ","), Refuse: *refuse, Delay: *delay}); err != nil {
		fmt.Fprintln(os.Stderr, "fakecloud:", err)
		os.Exit(1)
	}
}

func run(kubeconfig string, options fakecloud.Options) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	if options.Client, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	provider, err := fakecloud.Start(ctx, options)
	if err != nil {
		return err
	}
	<-ctx.Done()
	provider.Stop()
	return nil
}
