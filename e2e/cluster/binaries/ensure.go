package binaries

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// AssetsEnv names envtest's variable for a folder of ready-made binaries. What that folder holds of etcd,
// kube-apiserver and kubectl is used as it is; the rest is built.
const AssetsEnv = "KUBEBUILDER_ASSETS"

// lockRetry is how often a process looks whether the one that builds has finished.
const lockRetry = 100 * time.Millisecond

// A Set is where the programs are. It is immutable.
type Set struct {
	target string
	assets map[Program]string
}

// Path is the file of a program that Ensure was asked for.
func (s *Set) Path(p Program) string {
	if path, ok := s.assets[p]; ok {
		return path
	}
	return filepath.Join(s.target, string(p))
}

// KwokStages is the file with the stages of simulated nodes and pods; it exists once kwok was asked for.
func (s *Set) KwokStages() string { return filepath.Join(s.target, stagesFile) }

// Ensure builds those of the wanted programs (none named: all) that neither the cache nor $KUBEBUILDER_ASSETS
// holds, writing a line per program to progress. It writes nothing when there is nothing to do.
func Ensure(ctx context.Context, progress io.Writer, wanted ...Program) (*Set, error) {
	if len(wanted) == 0 {
		wanted = All()
	}
	return ensure(ctx, progress, controlPlane, wanted)
}

// EnsureNode builds those programs of a real node that the cache does not hold.
func EnsureNode(ctx context.Context, progress io.Writer) (*Set, error) {
	return ensure(ctx, progress, realNode, Node())
}

func ensure(ctx context.Context, progress io.Writer, p part, wanted []Program) (*Set, error) {
	l, err := findLayout(p)
	if err != nil {
		return nil, err
	}
	set := &Set{target: l.target, assets: findAssets()}
	if len(set.missing(wanted)) == 0 {
		return set, nil
	}
	if err := os.MkdirAll(l.target, 0o755); err != nil {
		return nil, err
	}
	unlock, err := lock(ctx, l.target+".lock", progress)
	if err != nil {
		return nil, err
	}
	defer unlock()
	l.removeLeftovers()
	// Looked at again under the lock: another process may have built them meanwhile.
	start, built := time.Now(), 0
	for _, p := range set.missing(wanted) {
		if err := l.goBuild(ctx, p, progress); err != nil {
			return nil, err
		}
		if p == Kwok {
			if err := l.writeStages(ctx); err != nil {
				return nil, err
			}
		}
		built++
	}
	if built > 0 {
		fmt.Fprintf(progress, "built %d programs in %s into %s\n", built, time.Since(start).Round(time.Second), l.target)
	}
	return set, nil
}

func (s *Set) missing(wanted []Program) []Program {
	var out []Program
	for _, p := range wanted {
		_, err := os.Stat(s.Path(p))
		if err == nil && p == Kwok {
			_, err = os.Stat(s.KwokStages())
		}
		if err != nil {
			out = append(out, p)
		}
	}
	return out
}

func findAssets() map[Program]string {
	found := map[Program]string{}
	dir := os.Getenv(AssetsEnv)
	if dir == "" {
		return found
	}
	for _, p := range []Program{Etcd, APIServer, Kubectl} {
		path, err := filepath.Abs(filepath.Join(dir, string(p)))
		if err != nil {
			continue
		}
		if _, err := os.Stat(path); err == nil {
			found[p] = path
		}
	}
	return found
}

// removeLeftovers drops the half-built files of a process that was killed. The caller holds the lock.
func (l *layout) removeLeftovers() {
	old, _ := filepath.Glob(filepath.Join(l.target, ".build-*"))
	for _, dir := range old {
		os.RemoveAll(dir)
	}
}

// lock takes an exclusive lock that ends with the process, however that ends.
func lock(ctx context.Context, path string, progress io.Writer) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for told := false; ; {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			f.Close()
			return nil, fmt.Errorf("locking %s: %w", path, err)
		}
		if !told {
			fmt.Fprintln(progress, "waiting for another process that builds the same programs")
			told = true
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		case <-time.After(lockRetry):
		}
	}
}
