package harness

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

const (
	// memorySlack is what may be left of the memory that an operator took while things went wrong.
	memorySlack = 2 << 20
	// memoryPatience is how long it may take to give the rest back.
	memoryPatience = time.Minute
)

// Memory is what an operator holds at a moment when all is well.
type Memory struct {
	op    *operator.Operator
	bytes int64
}

// RememberMemory measures the anonymous memory of an operator: all but its program and libraries.
func RememberMemory(t testing.TB, op *operator.Operator) Memory {
	t.Helper()
	return Memory{op, anonymous(t, op)}
}

// WantBack waits until the operator holds no more than it did then, give or take what no allocator can avoid.
func (m Memory) WantBack(t testing.TB) {
	t.Helper()
	begin, first, now := time.Now(), anonymous(t, m.op), int64(0)
	Eventually(t, "the operator to give its memory back", memoryPatience, func() (bool, string) {
		now = anonymous(t, m.op)
		return now <= m.bytes+memorySlack, fmt.Sprintf("%d KiB, before it was %d KiB", now>>10, m.bytes>>10)
	})
	t.Logf("anonymous memory: %d KiB before, %d KiB after, %d KiB %v later", m.bytes>>10, first>>10, now>>10,
		time.Since(begin).Round(time.Millisecond))
}

func anonymous(t testing.TB, op *operator.Operator) int64 {
	t.Helper()
	file, err := os.Open(fmt.Sprintf("/proc/%d/smaps_rollup", op.Pid()))
	Must(t, err)
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		value, found := strings.CutPrefix(lines.Text(), "Anonymous:")
		if !found {
			continue
		}
		kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(value, "kB")), 10, 64)
		Must(t, err)
		return kib << 10
	}
	t.Fatal("smaps_rollup has no line Anonymous")
	return 0
}
