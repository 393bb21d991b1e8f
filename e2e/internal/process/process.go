// Package process runs the programs of a local cluster: each in a process group of its own, with its output in
// a log file, and never outliving the process that started it.
package process

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
)

// A Spec says what to run.
type Spec struct {
	Name string   // for messages
	Path string   // the executable
	Args []string // without the program's name
	Dir  string   // working directory and HOME of the child
	Log  string   // file that standard output and error are appended to
	Env  []string // besides PATH and HOME
}

// A Process is one started child. Its methods are safe for concurrent use.
type Process struct {
	spec Spec
	cmd  *exec.Cmd
	done chan struct{}
	kill sync.Once

	err error // how it ended; readable after done is closed
}

// Start runs a program. The child gets PATH and an own HOME and no other part of the environment, so that
// nobody's personal settings change what a test sees.
func Start(spec Spec) (*Process, error) {
	log, err := os.OpenFile(spec.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own descriptor
	cmd := exec.Command(spec.Path, spec.Args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = spec.Dir, log, log
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + spec.Dir}, spec.Env...)
	fmt.Fprintf(log, "# %s %s\n", spec.Path, strings.Join(spec.Args, " "))
	if err := StartBound(cmd); err != nil {
		return nil, fmt.Errorf("starting %s: %w", spec.Name, err)
	}
	p := &Process{spec: spec, cmd: cmd, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Pid is the process id, which is also the id of its group.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Kill ends the whole process group at once and waits until the process is gone. An API server whose etcd has
// gone would hang in a graceful stop, and nothing here is worth one. It may be called again.
func (p *Process) Kill() {
	p.kill.Do(func() {
		select {
		case <-p.done: // the id may belong to somebody else by now
			return
		default:
		}
		if err := syscall.Kill(-p.Pid(), syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			p.cmd.Process.Kill()
		}
	})
	<-p.done
}

// ExitError is how the process ended: nil for status 0. Only after Done is closed.
func (p *Process) ExitError() error { return p.err }

// Failure describes a process that ended or did not get ready: the reason, the log file and its last lines.
func (p *Process) Failure(reason error) error {
	select {
	case <-p.done:
		reason = fmt.Errorf("%w (%v)", reason, p.cmd.ProcessState)
	default:
	}
	return fmt.Errorf("%s: %w\nlog file: %s\n%s", p.spec.Name, reason, p.spec.Log, tail(p.spec.Log, 8))
}

// tail returns the last lines of a file, each with a mark that sets it off from our own words.
func tail(path string, n int) string {
	const enough = 16 << 10
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > enough {
		f.Seek(-enough, io.SeekEnd)
	}
	text, _ := io.ReadAll(f)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return "  | " + strings.Join(lines[max(0, len(lines)-n):], "\n  | ")
}
