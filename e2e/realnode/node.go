// Package realnode runs one real node beside a local control plane: systemd, containerd and a kubelet in namespaces
// of their own, as systemd-nspawn makes them. What kwok cannot show is true here: a Job runs on a host, a container
// runtime that hangs starts none, an agent goes on, and a restart of the host gives it another boot ID.
//
// Guarantees: nothing that it starts or mounts outlives Stop; nothing is downloaded but Debian packages and Go
// modules, once.
package realnode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
	"github.com/kube-remedy/kube-remedy/e2e/cluster/binaries"
	"github.com/kube-remedy/kube-remedy/e2e/internal/process"
)

// ControllerManagerArgs make a cluster notice within seconds that the node's kubelet is silent.
var ControllerManagerArgs = []string{"--node-monitor-period=1s", "--node-monitor-grace-period=9s"}

// A Node is a running host. Its methods are safe for concurrent use, but for Stop.
type Node struct {
	Name    string
	cluster *cluster.Cluster
	dir     string // of this node: layers, log
	upper   string // what differs from the root file system
	root    string // where both are mounted
	args    []string

	mu       sync.Mutex
	machine  *process.Process
	stopping bool
	boots    int
	ended    chan struct{} // closed when nothing boots it any more
}

// Start boots it and returns as soon as systemd runs; the kubelet registers the Node by itself.
func Start(ctx context.Context, c *cluster.Cluster, name string, progress io.Writer) (*Node, error) {
	if why := Unsupported(); why != "" {
		return nil, errors.New(why)
	}
	programs, err := binaries.EnsureNode(ctx, progress)
	if err != nil {
		return nil, err
	}
	lower, err := rootFS(ctx, progress)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "kube-remedy-node-")
	if err != nil {
		return nil, err
	}
	n := &Node{Name: name, cluster: c, dir: dir, ended: make(chan struct{})}
	n.upper, n.root = filepath.Join(dir, "upper"), filepath.Join(dir, "root")
	if err := n.prepare(ctx, lower, programs); err != nil {
		return nil, errors.Join(err, n.unmount())
	}
	if err := n.boot(); err != nil {
		return nil, errors.Join(err, n.unmount())
	}
	go n.supervise()
	return n, nil
}

func (n *Node) prepare(ctx context.Context, lower string, programs *binaries.Set) error {
	images := filepath.Join(n.dir, "images")
	for _, dir := range []string{n.upper, n.root, images, filepath.Join(n.dir, "work")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := writeImages(ctx, images); err != nil {
		return err
	}
	if err := n.writeFiles(); err != nil {
		return err
	}
	layers := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", lower, n.upper, filepath.Join(n.dir, "work"))
	if err := syscall.Mount("overlay", n.root, "overlay", 0, layers); err != nil {
		return fmt.Errorf("mounting the root file system of the node: %w", err)
	}
	// Without the first line the machine would go on when its supervisor is killed, and keep the ports of the next one.
	n.args = []string{
		"--pid", "--fork", "--kill-child", "--mount-proc", "env",
		"SYSTEMD_NSPAWN_API_VFS_WRITABLE=1", "systemd-nspawn", "--quiet", "-D", n.root, "--machine=" + n.Name, "--boot",
		"--capability=all", "--register=no", "--keep-unit", "--bind=/dev/kmsg", "--system-call-filter=add_key keyctl bpf",
		"--tmpfs=/var/lib/containerd:mode=755", "--bind-ro=" + images + ":/opt/images",
		"--resolv-conf=off", "--timezone=off", "--console=pipe",
	}
	for program, at := range map[binaries.Program]string{
		binaries.Kubelet: "/usr/local/bin/", binaries.Containerd: "/usr/local/bin/", binaries.Shim: "/usr/local/bin/",
		binaries.Ctr: "/usr/local/bin/", binaries.Crictl: "/usr/local/bin/",
		binaries.Loopback: "/opt/cni/bin/", binaries.PTP: "/opt/cni/bin/", binaries.HostLocal: "/opt/cni/bin/",
	} {
		n.args = append(n.args, "--bind-ro="+programs.Path(program)+":"+at+string(program))
	}
	return nil
}

// boot starts the machine once.
func (n *Node) boot() (err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopping {
		return errors.New("stopping")
	}
	n.machine, err = process.Start(process.Spec{Name: n.Name, Path: "/usr/bin/unshare", Args: n.args, Dir: n.dir, Log: n.Log()})
	if err == nil {
		n.boots++
	}
	return err
}

// supervise is the firmware: a machine that was told to restart is started again.
func (n *Node) supervise() {
	defer close(n.ended)
	for {
		<-n.machine.Done()
		if n.boot() != nil {
			return
		}
	}
}

// Log is the console of the machine.
func (n *Node) Log() string { return filepath.Join(n.dir, "console.log") }

// Boots is how often it was started.
func (n *Node) Boots() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.boots
}

// init is the process id, seen from here, of the machine's first process: the child of systemd-nspawn, which is that of
// unshare.
func (n *Node) init() (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	pid := n.machine.Pid()
	for range 2 {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
		if err != nil {
			return 0, err
		}
		fields := strings.Fields(string(text))
		if len(fields) == 0 {
			return 0, errors.New("the machine does not run")
		}
		if pid, err = strconv.Atoi(fields[0]); err != nil {
			return 0, err
		}
	}
	return pid, nil
}

// Run runs a program on the host, as somebody who is logged in there.
func (n *Node) Run(ctx context.Context, argv ...string) (string, error) {
	init, err := n.init()
	if err != nil {
		return "", err
	}
	args := append([]string{"-t", strconv.Itoa(init), "-m", "-u", "-i", "-n", "-p", "--"}, argv...)
	out, err := exec.CommandContext(ctx, "nsenter", args...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%v on %s: %w\n%s", argv, n.Name, err, out)
	}
	return string(out), err
}

// Signal sends a signal to the main process of a unit, past systemd: how a process that hangs is made.
func (n *Node) Signal(ctx context.Context, unit, signal string) error {
	pid, err := n.MainPID(ctx, unit)
	if err != nil {
		return err
	}
	_, err = n.Run(ctx, "kill", "-"+signal, pid)
	return err
}

// MainPID is that of a unit, as the host counts.
func (n *Node) MainPID(ctx context.Context, unit string) (string, error) {
	out, err := n.Run(ctx, "systemctl", "show", "--property=MainPID", "--value", unit)
	return strings.TrimSpace(out), err
}

// Stop ends the machine at once, with everything in it, and removes what it consisted of.
func (n *Node) Stop() error {
	n.mu.Lock()
	n.stopping = true
	machine := n.machine
	n.mu.Unlock()
	machine.Kill()
	<-n.ended
	return n.unmount()
}

func (n *Node) unmount() error {
	// Lazily: a mount below that the kernel still holds for a moment must not keep the rest.
	err := syscall.Unmount(n.root, syscall.MNT_DETACH)
	if errors.Is(err, syscall.EINVAL) {
		err = nil // it was not mounted
	}
	return errors.Join(err, os.RemoveAll(n.dir))
}
