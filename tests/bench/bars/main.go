// Bars measures what docs/performance.md promises, on a real API server, beside client-go on the same server and the
// same objects, and prints one table. `make bench` runs it; "bars --help" lists the flags.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/kube-remedy/kube-remedy/e2e/cluster/binaries"
)

// The size that the bars are about. Smaller ones are for trying the program out.
const (
	fullPods  = 30_000
	fullNodes = 1_000
)

// limit bounds everything.
const limit = 30 * time.Minute

type options struct {
	sets        []string
	pods, nodes int
	samples     int // symptoms one by one, in a round
	storm       int // symptoms at once, in a round
	withPeers   bool
	withSpeed   bool

	generator string // bench-data
	peers     string // the client-go program
	policies  string // folder
	dir       string // for temporary files
}

func parseOptions() (options, error) {
	root, err := binaries.RepositoryRoot()
	if err != nil {
		return options{}, err
	}
	o := options{policies: filepath.Join(root, "tests", "bench", "policies")}
	sets := flag.String("sets", "uniform,realistic", "data sets, comma-separated")
	flag.IntVar(&o.pods, "pods", fullPods, "how many")
	flag.IntVar(&o.nodes, "nodes", fullNodes, "how many; a fifth of them is made sick at once")
	flag.BoolVar(&o.withPeers, "peers", true, "measure client-go too")
	flag.BoolVar(&o.withSpeed, "speed", true, "measure how quickly kube-remedy reacts")
	flag.StringVar(&o.generator, "generator", filepath.Join(root, "build", "release", "tests", "bench", "data", "bench-data"), "program")
	flag.StringVar(&o.peers, "peers-program", filepath.Join(root, "build", "bench-tools", "peers"), "program")
	flag.Parse()
	if flag.NArg() > 0 || o.pods < 1 || o.nodes < 10 {
		return o, errors.New("at least one pod and ten nodes are needed, and no arguments")
	}
	o.sets = strings.Split(*sets, ",")
	o.samples, o.storm = o.nodes/5, o.nodes/5
	return o, nil
}

var begin = time.Now()

// say tells how far it is; the table alone goes to standard output.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "[%5.1fs] %s\n", time.Since(begin).Seconds(), fmt.Sprintf(format, args...))
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	ctx, cancel := context.WithTimeout(ctx, limit)
	err := run(ctx)
	cancel()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bars:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	o, err := parseOptions()
	if err != nil {
		return err
	}
	if o.dir, err = os.MkdirTemp("", "kube-remedy-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(o.dir)
	t := table{judged: o.pods >= fullPods && o.nodes >= fullNodes}
	for _, set := range o.sets {
		m, err := measure(ctx, o, set)
		if err != nil {
			return fmt.Errorf("%s: %w", set, err)
		}
		t.add(set, m)
	}
	t.print(os.Stdout, o)
	return nil
}

// A measurement is all of one data set.
type measurement struct {
	pods, nodes, idle footprint // kube-remedy by what its policies are about
	peers             map[string]footprint
	peersNodes        footprint // typed, nodes only
	peersIdle         footprint // typed, connected and nothing watched
	single, storm     reaction
}

// peerClients are those of the table's columns.
var peerClients = []string{"typed", "typed-json", "dynamic"}

func measure(ctx context.Context, o options, set string) (m measurement, err error) {
	say("%s: starting a control plane, %d nodes and %d pods", set, o.nodes, o.pods)
	w, err := newWorld(ctx, o, set, os.Stderr)
	if err != nil {
		return m, err
	}
	// When the API server dies, whatever is being waited for will not come.
	ctx, died := context.WithCancelCause(ctx)
	defer died(nil)
	go func() {
		select {
		case err := <-w.Died():
			died(err)
		case <-ctx.Done():
		}
	}()
	defer func() {
		if err != nil && !errors.Is(context.Cause(ctx), context.Canceled) { // nobody wants the logs of what they interrupted
			w.KeepLogs()
			err = fmt.Errorf("%w\nthe logs are in %s", errors.Join(err, context.Cause(ctx)), w.LogDir())
		}
		err = errors.Join(err, w.Stop())
	}()
	for _, run := range []struct {
		what     string
		into     *footprint
		policies []string
	}{
		{"pod policies", &m.pods, []string{"pods.yaml"}},
		{"node policies", &m.nodes, []string{"nodes.yaml"}},
		{"no policy", &m.idle, nil},
	} {
		if *run.into, err = w.operatorFootprint(ctx, o, "operator-"+strings.ReplaceAll(run.what, " ", "-"), run.policies...); err != nil {
			return m, fmt.Errorf("kube-remedy with %s: %w", run.what, err)
		}
		say("%s: kube-remedy with %s: %s", set, run.what, *run.into)
	}
	if o.withPeers {
		if err := w.measurePeers(ctx, o, set, &m); err != nil {
			return m, err
		}
	}
	if o.withSpeed {
		if m.single, m.storm, err = w.measureReactions(ctx, o); err != nil {
			return m, err
		}
	}
	return m, nil
}

func (w *world) measurePeers(ctx context.Context, o options, set string, m *measurement) error {
	m.peers = map[string]footprint{}
	one := func(client, resources string) (footprint, error) {
		f, err := w.peerFootprint(ctx, o, client, resources)
		if err != nil {
			return f, fmt.Errorf("client-go %s: %w", client, err)
		}
		say("%s: client-go %s with %q: %s", set, client, resources, f)
		return f, nil
	}
	var err error
	for _, client := range peerClients {
		if m.peers[client], err = one(client, "pods,nodes"); err != nil {
			return err
		}
	}
	if m.peersNodes, err = one("typed", "nodes"); err != nil {
		return err
	}
	m.peersIdle, err = one("typed", "")
	return err
}
