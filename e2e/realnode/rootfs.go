package realnode

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/kube-remedy/kube-remedy/e2e/cluster/binaries"
)

// packages are what the host consists of, beside the minimal Debian.
const packages = "systemd,systemd-sysv,dbus,iproute2,iptables,util-linux,kmod,procps,runc,mount,ca-certificates,conntrack,curl"

// Unsupported says why no real node can run on this machine; "" when one can.
func Unsupported() string {
	if os.Geteuid() != 0 {
		return "a real node needs root, for namespaces and mounts"
	}
	for _, program := range []string{"systemd-nspawn", "mmdebstrap", "mount"} {
		if _, err := exec.LookPath(program); err != nil {
			return program + " is not installed: run `make deps`"
		}
	}
	if _, err := os.Stat("/dev/kmsg"); err != nil {
		return "there is no /dev/kmsg, which a kubelet reads"
	}
	return ""
}

// rootFS is the root file system of the host, made once. Nobody writes to it: each node lies over it.
func rootFS(ctx context.Context, progress io.Writer) (string, error) {
	cache, err := binaries.CacheRoot()
	if err != nil {
		return "", err
	}
	digest := sha256.Sum256([]byte(packages))
	target := filepath.Join(cache, "rootfs", "bookworm_"+hex.EncodeToString(digest[:])[:8])
	if _, err := os.Stat(target); err == nil {
		return target, nil
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(target+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	if _, err := os.Stat(target); err == nil {
		return target, nil
	}
	fmt.Fprintln(progress, "making the root file system of the real node")
	made := target + ".new"
	if err := os.RemoveAll(made); err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, "mmdebstrap", "--variant=minbase", "--include="+packages, "bookworm", made).CombinedOutput()
	if err != nil {
		return "", errors.Join(fmt.Errorf("mmdebstrap: %w\n%s", err, lastLines(string(out))), os.RemoveAll(made))
	}
	return target, os.Rename(made, target)
}

func lastLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-10):], "\n")
}
