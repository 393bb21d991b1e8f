// Package binaries builds the programs of the local cluster from pinned Go modules, once, into a cache folder.
//
// The versions live in small modules beside this file (kubernetes, etcd and kwok; for a real node kubelet, containerd,
// cni and critools), each with a committed go.sum. They are separate because their dependencies disagree. Nothing is downloaded but Go modules.
//
// Guarantees: a program that is in the cache is complete (it is built aside and renamed); two processes that
// build at once do the work once; a second call finds everything within milliseconds.
package binaries

// A Program is one executable of the local cluster, named as its users call it.
type Program string

// The programs, in the order in which a cluster needs them.
const (
	Etcd              Program = "etcd"
	APIServer         Program = "kube-apiserver"
	ControllerManager Program = "kube-controller-manager"
	Scheduler         Program = "kube-scheduler"
	Kubectl           Program = "kubectl"
	Kwok              Program = "kwok"
)

// The programs of a real node.
const (
	Kubelet    Program = "kubelet"
	Containerd Program = "containerd"
	Shim       Program = "containerd-shim-runc-v2"
	Ctr        Program = "ctr"
	Crictl     Program = "crictl"
	Loopback   Program = "loopback"
	PTP        Program = "ptp"
	HostLocal  Program = "host-local"
)

// All returns every program of a control plane that Ensure can build.
func All() []Program {
	return []Program{Etcd, APIServer, ControllerManager, Scheduler, Kubectl, Kwok}
}

// Node returns every program that EnsureNode can build.
func Node() []Program {
	return []Program{Kubelet, Containerd, Shim, Ctr, Crictl, Loopback, PTP, HostLocal}
}

// A recipe says how one program is built.
type recipe struct {
	// wrapper is the folder of the module that pins the program's version.
	wrapper string
	// module is the module that holds the program, as the wrapper requires it.
	module string
	// pkg is the package path of its main function.
	pkg string
	// versioned programs get the version stamped in: without it the server reports v0.0.0-master.
	versioned bool
}

func (p Program) recipe() recipe {
	switch p {
	case Etcd:
		return recipe{wrapper: "etcd", module: etcdModule, pkg: etcdModule}
	case Kwok:
		return recipe{wrapper: "kwok", module: kwokModule, pkg: kwokModule + "/cmd/kwok"}
	case Kubelet:
		return recipe{wrapper: "kubelet", module: kubernetesModule, pkg: kubernetesModule + "/cmd/kubelet", versioned: true}
	case Containerd, Shim, Ctr:
		return recipe{wrapper: "containerd", module: containerdModule, pkg: containerdModule + "/cmd/" + string(p)}
	case Crictl:
		return recipe{wrapper: "critools", module: criToolsModule, pkg: criToolsModule + "/cmd/crictl"}
	case Loopback, PTP:
		return recipe{wrapper: "cni", module: cniModule, pkg: cniModule + "/plugins/main/" + string(p)}
	case HostLocal:
		return recipe{wrapper: "cni", module: cniModule, pkg: cniModule + "/plugins/ipam/" + string(p)}
	default:
		return recipe{wrapper: "kubernetes", module: kubernetesModule, pkg: kubernetesModule + "/cmd/" + string(p), versioned: true}
	}
}

const (
	kubernetesModule = "k8s.io/kubernetes"
	etcdModule       = "go.etcd.io/etcd/server/v3"
	kwokModule       = "sigs.k8s.io/kwok"
	containerdModule = "github.com/containerd/containerd/v2"
	criToolsModule   = "sigs.k8s.io/cri-tools"
	cniModule        = "github.com/containernetworking/plugins"
)
