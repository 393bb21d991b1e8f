package process

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// helperEnv turns this test binary into a parent that starts a child and waits to be killed.
const helperEnv = "PROCESS_TEST_HELPER_LOG"

func TestMain(m *testing.M) {
	if log := os.Getenv(helperEnv); log != "" {
		p, err := Start(sleeper(log))
		if err != nil {
			panic(err)
		}
		println(p.Pid())
		select {}
	}
	os.Exit(m.Run())
}

func sleeper(log string) Spec {
	return Spec{Name: "sleeper", Path: "/bin/sh", Args: []string{"-c", "echo started; exec sleep 600"}, Dir: filepath.Dir(log), Log: log}
}

func TestAChildDiesWithItsParent(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), helperEnv+"="+filepath.Join(t.TempDir(), "log"))
	stderr, err := parent.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stderr).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if !alive(child) {
		t.Fatal("the child is not there to begin with")
	}
	parent.Process.Kill()
	parent.Wait()
	for deadline := time.Now().Add(10 * time.Second); alive(child); {
		if time.Now().After(deadline) {
			syscall.Kill(child, syscall.SIGKILL)
			t.Fatal("the child outlived its parent")
		}
	}
}

// alive is false for a zombie too: whoever adopts the child may be slow to reap it.
func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z")
}

func TestKillMayBeRepeatedAndFailureNamesTheLog(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	p, err := Start(sleeper(log))
	if err != nil {
		t.Fatal(err)
	}
	p.Kill()
	p.Kill()
	text := p.Failure(errors.New("too early")).Error()
	for _, want := range []string{"sleeper", "too early", "killed", log} {
		if !strings.Contains(text, want) {
			t.Errorf("the error lacks %q: %s", want, text)
		}
	}
}
