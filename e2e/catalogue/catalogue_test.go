// Package catalogue plays the incidents of the shipped policies on a real control plane: the symptom is made, the
// remedy is seen, what is below the threshold is left alone, and nothing is written twice.
package catalogue

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

var (
	// withNodes has pods that become ready.
	withNodes = harness.Shared{Options: cluster.Options{Scheduler: true, Kwok: true}, Nodes: 3, Operator: true}
)

func TestMain(m *testing.M) {
	code := m.Run()
	withNodes.Close()
	os.Exit(code)
}

// An incident is one policy on its way: its times are shortened, else it is as it is shipped.
type incident struct {
	*testing.T
	w      *harness.World
	file   string // in config/policies
	policy string
	ns     string // of the objects that the incident is about
}

// quick are the times of every policy; hurry are those that stand in a policy's own expressions.
const quick = `
spec:
  recovery: {stableFor: 1s}
  limits: {cooldown: 0s}
`

// play applies setup and then the policy (a file below config/policies, without .yaml) with its RBAC, and waits until
// it is ready and finds nothing sick.
func play(t *testing.T, policy, ns, setup string, hurry ...string) *incident {
	t.Helper()
	w, _ := withNodes.Get(t)
	i := &incident{T: t, w: w, file: policy, policy: filepath.Base(policy), ns: ns}
	if ns != "" && ns != "kube-system" {
		w.Namespace(t, ns)
	}
	if setup != "" {
		w.Apply(t, setup)
	}
	i.allow(i.shipped())
	i.serve(hurry...)
	w.DeleteAtEnd(t, i.policy)
	w.AwaitCondition(t, i.policy, "Ready", "True", "Ready")
	harness.Eventually(t, "nothing to be sick yet", harness.Limit, func() (bool, string) {
		p := w.Policy(t, i.policy)
		return p.Status.Targets.Unhealthy == 0, harness.Text(p.Status)
	})
	return i
}

// shipped is the policy as users get it.
func (i *incident) shipped() string {
	i.Helper()
	folder, err := operator.Manifests("config/policies")
	harness.Must(i, err)
	text, err := os.ReadFile(filepath.Join(folder, i.file+".yaml"))
	harness.Must(i, err)
	return string(text)
}

// serve applies the policy with these texts replaced.
func (i *incident) serve(hurry ...string) {
	i.Helper()
	merged, err := harness.Merge(strings.NewReplacer(hurry...).Replace(i.shipped()), quick)
	harness.Must(i, err)
	i.w.Apply(i.T, merged)
}

// allow lets the operator do what `kubectl remedy rbac` says that the policy needs, and no more.
func (i *incident) allow(policy string) {
	i.Helper()
	file := filepath.Join(i.TempDir(), "policy.yaml")
	harness.Must(i, os.WriteFile(file, []byte(policy), 0o600))
	roles := i.w.Kubectl(i, "", "remedy", "rbac", "-f", file)
	// What no ClusterRole can say goes to standard error, which comes along here.
	i.w.Apply(i.T, regexp.MustCompile(`(?m)^note: .*\n`).ReplaceAllString(roles, ""))
}

// get is a field of an object, as kubectl prints it.
func (i *incident) get(jsonpath string, object ...string) string {
	i.Helper()
	out, err := i.w.TryKubectl(i, "", append(append([]string{"-n", i.ns, "get"}, object...), "-o", "jsonpath="+jsonpath)...)
	if err != nil {
		return "error: " + out
	}
	return out
}

// await waits until a field has a value.
func (i *incident) await(want, jsonpath string, object ...string) {
	i.Helper()
	harness.Eventually(i, fmt.Sprintf("%s of %v to be %q", jsonpath, object, want), harness.Limit, func() (bool, string) {
		got := i.get(jsonpath, object...)
		return got == want, got
	})
}

// status patches the status of an object, as its controller would.
func (i *incident) status(patch string, object ...string) {
	i.Helper()
	i.w.Kubectl(i, "", append(append([]string{"-n", i.ns, "patch"}, object...), "--subresource=status", "--type=merge", "-p", patch)...)
}

// cured waits until a remediation of the policy has succeeded.
func (i *incident) cured() harness.Remediation {
	i.Helper()
	return i.w.AwaitPhase(i, i.policy, "Succeeded")
}

// wantWrites compares what was written to a resource, dry runs and status aside.
func (i *incident) wantWrites(resource string, want int) {
	i.Helper()
	var got []string
	for _, write := range i.w.Writes(i, resource, i.ns, "") {
		if !write.DryRun {
			got = append(got, write.Verb+" "+write.RequestURI)
		}
	}
	if len(got) != want {
		i.Errorf("%s were written %d times, want %d:\n%s", resource, len(got), want, strings.Join(got, "\n"))
	}
}

// wantOne fails unless there is one Remediation of the policy, even after the target was looked at again.
func (i *incident) wantOne(touch ...string) {
	i.Helper()
	if len(touch) > 0 {
		i.w.Kubectl(i, "", append(append([]string{"-n", i.ns, "annotate", "--overwrite"}, touch...), "looked-at=again")...)
	}
	harness.Eventually(i, "nothing to be sick any more", harness.Limit, func() (bool, string) {
		p := i.w.Policy(i, i.policy)
		return p.Status.Targets.Unhealthy == 0 && p.Status.Targets.Remediating == 0, harness.Text(p.Status)
	})
	if all := i.w.Remediations(i, i.policy); len(all) != 1 {
		var told []string
		for _, r := range all {
			told = append(told, r.String())
		}
		i.Errorf("there are %d Remediations of %s, want one:\n%s", len(all), i.policy, strings.Join(told, "\n"))
	}
}
