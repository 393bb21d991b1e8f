// Package prometheus tests the alerts that are shipped, with Prometheus' own tool.
package prometheus

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"sigs.k8s.io/yaml"
)

// promtool reads plain rule files, the Prometheus operator wants an object around them.
func ruleFile(t *testing.T, object, file string) {
	t.Helper()
	text, err := os.ReadFile(object)
	if err != nil {
		t.Fatal(err)
	}
	var rule struct {
		Spec any `json:"spec"`
	}
	if err := yaml.Unmarshal(text, &rule); err != nil {
		t.Fatalf("%s: %v", object, err)
	}
	spec, err := yaml.Marshal(rule.Spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, spec, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestAlerts(t *testing.T) {
	folder := t.TempDir()
	ruleFile(t, "../../config/prometheus/alerts.yaml", filepath.Join(folder, "alerts.yaml"))
	cases, err := os.ReadFile("alerts_test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "alerts_test.yaml"), cases, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"check", "rules", "alerts.yaml"}, {"test", "rules", "alerts_test.yaml"}} {
		args[2] = filepath.Join(folder, args[2])
		cmd := exec.CommandContext(t.Context(), "go", append([]string{"tool", "promtool"}, args...)...)
		// Without the discovery of every cloud it is built in a third of the time.
		cmd.Env = append(os.Environ(), "GOFLAGS=-tags=remove_all_sd")
		output, err := cmd.CombinedOutput()
		t.Logf("%s", output)
		if err != nil {
			t.Fatalf("promtool %v: %v", args, err)
		}
	}
}
