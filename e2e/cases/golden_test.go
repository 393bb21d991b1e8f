package cases

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
)

var update = flag.Bool("update", false, "write the golden texts of testdata anew")

// masks hide what differs from run to run.
var masks = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`), "<time>"},
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "<uid>"},
	{regexp.MustCompile(`[0-9a-f]{64}`), "<lineage>"},
	{regexp.MustCompile(`\b[0-9a-f]{16}\b`), "<lineage, 16>"},
	{regexp.MustCompile(`((?i)resource version( (before|after))?|holder):( +)\S+`), "$1:$4<masked>"},
	{regexp.MustCompile(`calico-node-[a-z0-9]{5}\b`), "calico-node-<pod>"},
	{regexp.MustCompile(`( )(\d+m)?\d+s\b`), "$1<age>"},
	{regexp.MustCompile(`<age> +`), "<age> "},
	{regexp.MustCompile(`(Lease Transitions|Seq):( +)\d+`), "$1:$2<n>"},
	{regexp.MustCompile(` +\n`), "\n"},
}

func TestWhatKubectlShows(t *testing.T) {
	i := newIncident(t, "golden", nil, `{spec: {limits: {cooldown: 10m}}}`)
	i.probesFail(3, time.Now())
	r := i.wantHealed()
	awaitTargets(t, i.World, i.namespace, func(p *harness.Policy) bool {
		return p.Status.Targets.Remediating == 0 && p.Status.Targets.Unhealthy == 0
	})
	for file, args := range map[string][]string{
		"get-rempol.txt":   {"get", "rempol", i.namespace},
		"get-rem.txt":      {"get", "rem", r.Name},
		"describe-rem.txt": {"describe", "rem", r.Name},
	} {
		got := i.Kubectl(t, "", args...)
		for _, mask := range masks {
			got = mask.pattern.ReplaceAllString(got, mask.with)
		}
		path := filepath.Join("testdata", file)
		if *update {
			harness.Must(t, os.MkdirAll("testdata", 0o755))
			harness.Must(t, os.WriteFile(path, []byte(got), 0o644))
			continue
		}
		want, err := os.ReadFile(path)
		harness.Must(t, err)
		if got != string(want) {
			t.Errorf("kubectl %v differs from %s (go test -run %s -update writes it anew):\n%s", args, path, t.Name(), got)
		}
	}
}
