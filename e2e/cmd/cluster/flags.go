package main

import (
	"errors"
	"flag"
	"os"
	"strings"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
)

// clusterFlags are what "up" and "run" have in common.
type clusterFlags struct {
	set      *flag.FlagSet
	options  cluster.Options
	minimal  bool
	keepLogs bool
}

func newClusterFlags(name string) *clusterFlags {
	f := &clusterFlags{set: flag.NewFlagSet("cluster "+name, flag.ContinueOnError)}
	f.set.BoolVar(&f.options.Kwok, "kwok", false, "simulate the kubelets of nodes annotated "+cluster.FakeNodeAnnotation+"=fake")
	f.set.BoolVar(&f.minimal, "minimal", false, "only etcd and the API server")
	f.set.BoolVar(&f.options.NoAudit, "no-audit", false, "write no audit log, for measuring")
	f.set.BoolVar(&f.keepLogs, "keep-logs", false, "keep the logs also when all went well")
	f.set.StringVar(&f.options.DataDir, "data", "", "empty or missing `DIR` for certificates and logs; it is kept")
	for name, list := range map[string]*[]string{
		"etcd-arg":               &f.options.EtcdArgs,
		"apiserver-arg":          &f.options.APIServerArgs,
		"controller-manager-arg": &f.options.ControllerManagerArgs,
		"scheduler-arg":          &f.options.SchedulerArgs,
		"kwok-arg":               &f.options.KwokArgs,
	} {
		f.set.Var((*repeated)(list), name, "further `ARGUMENT` of that program; may be repeated")
	}
	return f
}

func (f *clusterFlags) parse(args []string) error {
	if err := parse(f.set, args); err != nil {
		return err
	}
	f.options.ControllerManager, f.options.Scheduler = !f.minimal, !f.minimal
	f.options.Progress = os.Stderr
	return nil
}

// parse gives wrong flags the exit status of a wrong call; the flag package has printed the message.
func parse(set *flag.FlagSet, args []string) error {
	err := set.Parse(args)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		return exitError{code: 2}
	}
	return err
}

// repeated is a flag that collects its values.
type repeated []string

func (r *repeated) String() string { return strings.Join(*r, " ") }

func (r *repeated) Set(value string) error {
	*r = append(*r, value)
	return nil
}
