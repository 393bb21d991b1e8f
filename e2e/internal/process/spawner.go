package process

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// Pdeathsig is delivered when the *thread* that forked dies, not the process, and the Go runtime ends threads
// as it likes. So every child is forked by one goroutine that owns a thread and never returns.
var (
	spawnOnce sync.Once
	spawn     chan func()
)

// StartBound starts cmd as the leader of a process group of its own, and such that the kernel kills it when
// this process ends in whatever way. It adds to the SysProcAttr that cmd has.
func StartBound(cmd *exec.Cmd) error {
	spawnOnce.Do(func() {
		spawn = make(chan func())
		go func() {
			runtime.LockOSThread()
			for f := range spawn {
				f()
			}
		}()
	})
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid, cmd.SysProcAttr.Pdeathsig = true, syscall.SIGKILL
	result := make(chan error)
	spawn <- func() { result <- cmd.Start() }
	return <-result
}
