package binaries

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// stillBuildingEvery is how often a long build says that it is alive.
const stillBuildingEvery = 30 * time.Second

// goBuild builds one program into dir/<name>, by way of a temporary file in the same folder.
func (l *layout) goBuild(ctx context.Context, p Program, progress io.Writer) error {
	r := p.recipe()
	scratch, err := os.MkdirTemp(l.target, ".build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	out := filepath.Join(scratch, string(p))

	start := time.Now()
	fmt.Fprintf(progress, "building %s %s\n", p, l.versions[r.module])
	stop := reportEvery(stillBuildingEvery, func() {
		fmt.Fprintf(progress, "  %s: still building, %s so far\n", p, time.Since(start).Round(time.Second))
	})
	defer stop()

	var output bytes.Buffer
	cmd := l.goCommand(ctx, r.wrapper, "build", "-trimpath", "-buildvcs=false", "-ldflags", l.linkerFlags(r), "-o", out, r.pkg)
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", p, errors.Join(err, ctx.Err()), lastLines(output.String(), 20))
	}
	if err := os.Rename(out, filepath.Join(l.target, string(p))); err != nil {
		return err
	}
	fmt.Fprintf(progress, "built %s in %s\n", p, time.Since(start).Round(100*time.Millisecond))
	return nil
}

// goCommand is the go tool inside one wrapper module, independent of the caller's workspace and flags.
func (l *layout) goCommand(ctx context.Context, wrapper string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = filepath.Join(l.source, wrapper)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
	// The compilers are children of the go tool: an interrupted build has to end them too.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}

func (l *layout) linkerFlags(r recipe) string {
	flags := "-s -w"
	if r.versioned {
		version := l.versions[r.module]
		parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
		const pkg = "k8s.io/component-base/version"
		flags += fmt.Sprintf(" -X %s.gitVersion=%s -X %s.gitMajor=%s -X %s.gitMinor=%s", pkg, version, pkg, parts[0], pkg, parts[1])
	}
	return flags
}

// reportEvery calls f at each interval until the returned function is called.
func reportEvery(interval time.Duration, f func()) (stop func()) {
	ticker := time.NewTicker(interval)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-ticker.C:
				f()
			case <-done:
				return
			}
		}
	}()
	return func() { ticker.Stop(); close(done) }
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
