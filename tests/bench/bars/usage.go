package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// A usage is what a process has taken so far, as the kernel counts it: the same for every program measured.
type usage struct {
	cpu       time.Duration // of all its threads, user and system
	rss       int64         // bytes, shared library pages included
	anonymous int64         // bytes of it that are its own: heap and stacks
}

// ticksPerSecond is what Linux reports process times in, on every architecture that Go runs on.
const ticksPerSecond = 100

func usageOf(pid int) (usage, error) {
	var u usage
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, err
	}
	// The command's name, in parentheses, may contain anything.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const utime, stime = 11, 12 // counted from the state, which follows the name
	for _, i := range []int{utime, stime} {
		ticks, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return u, fmt.Errorf("/proc/%d/stat: %w", pid, err)
		}
		u.cpu += time.Duration(ticks) * time.Second / ticksPerSecond
	}
	rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return u, err
	}
	if u.rss, err = rollupBytes(rollup, "Rss:"); err != nil {
		return u, err
	}
	u.anonymous, err = rollupBytes(rollup, "Anonymous:")
	return u, err
}

// rollupBytes reads a line such as "Rss:  12345 kB".
func rollupBytes(rollup []byte, name string) (int64, error) {
	for line := range strings.Lines(string(rollup)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == name {
			kilobytes, err := strconv.ParseInt(fields[1], 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, fmt.Errorf("smaps_rollup has no line %q", name)
}
