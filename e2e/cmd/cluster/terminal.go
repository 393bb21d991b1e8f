package main

import (
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// lendTerminal lets a command that gets a process group of its own read from the terminal and have Ctrl-C, if
// we have that right now. The returned function takes the terminal back.
func lendTerminal(cmd *exec.Cmd) (giveBack func()) {
	terminal := int(os.Stdin.Fd())
	foreground, err := unix.IoctlGetInt(terminal, unix.TIOCGPGRP)
	if err != nil || foreground != unix.Getpgrp() {
		return func() {} // no terminal, or it is somebody else's
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Foreground: true, Ctty: terminal}
	return func() {
		// A group in the background that takes the terminal is stopped by this signal unless it ignores it.
		signal.Ignore(syscall.SIGTTOU)
		unix.IoctlSetPointerInt(terminal, unix.TIOCSPGRP, foreground)
	}
}
