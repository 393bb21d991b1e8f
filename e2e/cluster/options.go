package cluster

import (
	"io"

	"github.com/kube-remedy/kube-remedy/e2e/cluster/binaries"
)

// Options choose what a cluster consists of. The zero value is etcd and an API server.
type Options struct {
	ControllerManager bool
	Scheduler         bool
	// Kwok plays the kubelets of nodes that carry the annotation FakeNodeAnnotation=fake.
	Kwok bool

	// Extra arguments, put after our own so that they win, as in "--node-monitor-grace-period=8s".
	EtcdArgs, APIServerArgs, ControllerManagerArgs, SchedulerArgs, KwokArgs []string

	// NoAudit leaves the audit log out, for measuring.
	NoAudit bool

	// DataDir is an empty or missing folder for everything the cluster writes; it is kept. Left empty, the
	// cluster uses a temporary folder and removes it in Stop.
	DataDir string

	// Progress gets a line when something takes long (a first build). nil is silence.
	Progress io.Writer
}

// FakeNodeAnnotation marks, with the value "fake", the Node objects that kwok looks after.
const FakeNodeAnnotation = "kwok.x-k8s.io/node"

// programs are the binaries that these options need.
func (o Options) programs() []binaries.Program {
	out := []binaries.Program{binaries.Etcd, binaries.APIServer}
	if o.ControllerManager {
		out = append(out, binaries.ControllerManager)
	}
	if o.Scheduler {
		out = append(out, binaries.Scheduler)
	}
	if o.Kwok {
		out = append(out, binaries.Kwok)
	}
	return out
}
