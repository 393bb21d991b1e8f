// Command faultproxy stands between a client and an API server and does wrong on request. See --help.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/kube-remedy/kube-remedy/e2e/cluster/pki"
	"github.com/kube-remedy/kube-remedy/e2e/faultproxy"
)

const usage = `A reverse proxy between a client and a Kubernetes API server that cuts, delays, freezes and answers wrongly.
It runs until Ctrl-C. Clients authenticate with a bearer token, which is passed on.

Examples, inside of "cluster run" (which sets KUBECONFIG and KUBE_REMEDY_CLUSTER):
  faultproxy --kubeconfig-from robot/kubeconfig --kubeconfig-to robot/proxied --control 127.0.0.1:8099
  faultproxy --rule '{"name":"lost","writes":true,"nth":2,"cutAfter":true}' --records writes.json ...
  curl -d '{"name":"slow","watches":true,"cutStreamAfter":4096}' http://127.0.0.1:8099/rules
  curl -X DELETE http://127.0.0.1:8099/rules/slow
  curl http://127.0.0.1:8099/records?writes=1
  curl -X POST http://127.0.0.1:8099/cut

Fields of a rule: name, methods, path, notPath, writes, watches, nth, and what to do: delay, freeze, cutBefore,
answer {status, header, body}, cutAfter, cutStreamAfter, freezeStreamAfter.

Flags:
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "faultproxy:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	set := flag.NewFlagSet("faultproxy", flag.ContinueOnError)
	set.Usage = func() { io.WriteString(set.Output(), usage); set.PrintDefaults() }
	cluster := set.String("cluster", os.Getenv("KUBE_REMEDY_CLUSTER"), "data `DIR` of the cluster, for its certificate authority")
	from := set.String("kubeconfig-from", os.Getenv("KUBECONFIG"), "kubeconfig `FILE` that names the API server")
	to := set.String("kubeconfig-to", "", "`FILE` for the same kubeconfig with the proxy in place of the server")
	listen := set.String("listen", "", "`ADDRESS` to listen on (default: a free loopback port)")
	control := set.String("control", "", "`ADDRESS` of the control interface, on the loopback; ends in :0 for a free port")
	records := set.String("records", "", "`FILE` for the recorded requests, written at the end")
	var rules []faultproxy.Rule
	set.Func("rule", "a rule as `JSON`; may be repeated", func(text string) error {
		var spec faultproxy.RuleSpec
		if err := json.Unmarshal([]byte(text), &spec); err != nil {
			return err
		}
		rule, err := spec.Rule()
		rules = append(rules, rule)
		return err
	})
	if err := set.Parse(args); err != nil {
		return err
	}
	proxy, err := start(*cluster, *from, *to, *listen)
	if err != nil {
		return err
	}
	defer proxy.Close()
	for _, rule := range rules {
		proxy.Add(rule)
	}
	fmt.Println("proxy", proxy.URL())
	if *control != "" {
		listener, err := net.Listen("tcp", *control)
		if err != nil {
			return err
		}
		defer listener.Close()
		fmt.Println("control", "http://"+listener.Addr().String())
		go http.Serve(listener, proxy.ControlHandler())
	}
	<-ctx.Done()
	if *records == "" {
		return nil
	}
	text, err := json.MarshalIndent(proxy.Records(), "", "  ")
	if err != nil {
		return err
	}
	return pki.ReplaceFile(*records, text)
}

func start(cluster, from, to, listen string) (*faultproxy.Proxy, error) {
	config, err := clientcmd.LoadFromFile(from)
	if err != nil {
		return nil, err
	}
	current := config.Contexts[config.CurrentContext]
	if current == nil || config.Clusters[current.Cluster] == nil {
		return nil, fmt.Errorf("%s has no current context with a cluster", from)
	}
	authority, err := pki.LoadAuthority(filepath.Join(cluster, "pki", "ca.crt"), filepath.Join(cluster, "pki", "ca.key"))
	if err != nil {
		return nil, err
	}
	server := config.Clusters[current.Cluster]
	proxy, err := faultproxy.Start(faultproxy.Options{Upstream: server.Server, Authority: authority, Listen: listen})
	if err != nil || to == "" {
		return proxy, err
	}
	server.Server = proxy.URL()
	text, err := clientcmd.Write(*config)
	if err == nil {
		err = pki.ReplaceFile(to, text)
	}
	if err != nil {
		proxy.Close()
	}
	return proxy, err
}
