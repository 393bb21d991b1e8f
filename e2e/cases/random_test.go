package cases

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

// A schema is a part of the OpenAPI schema of a CustomResourceDefinition.
type schema map[string]any

func (s schema) sub(key string) schema {
	part, _ := s[key].(map[string]any)
	return part
}

// specSchema is that of RemediationPolicy's spec.
func specSchema(t *testing.T) schema {
	t.Helper()
	folder, err := operator.Manifests("crds")
	harness.Must(t, err)
	text, err := os.ReadFile(filepath.Join(folder, "remediationpolicies.yaml"))
	harness.Must(t, err)
	var crd struct {
		Spec struct {
			Versions []struct {
				Schema struct{ OpenAPIV3Schema schema }
			}
		}
	}
	harness.Must(t, yaml.Unmarshal(text, &crd))
	return crd.Spec.Versions[0].Schema.OpenAPIV3Schema.sub("properties").sub("spec")
}

// pools are what texts are drawn from, by the last name in their path. What follows "wrong:" is drawn more seldom.
// What is not here is a name.
var pools = map[string][]string{
	"apiVersion": {"v1", "apps/v1", "wrong:", "nowhere.example/v1"},
	"kind":       {"Pod", "Deployment", "wrong:", "Gizmo"},
	"expression": {"true", "object.metadata.name == 'd'", "object.spec.template.spec.containers.size() > 0", "object.metadata.?labels.?a.orValue('') != ''",
		"now - timestamp(object.metadata.creationTimestamp) > duration('1h')", "target.name.startsWith('d')", "has(object.status)",
		"wrong:", "'x'", "object.", "1 + 'a'", "size(object.metadata.name)", "related.a.size() > 0", "events.a.size() > 0", "params.a == 'b'", "variables.a",
		"now.getHours() > 25", "[1, 2].map(x, x)"},
	"for": {"0s", "1s", "1m"}, "within": {"1m", "10m"}, "timeout": {"1s", "10m"}, "cureWithin": {"10m", "1h"}, "stableFor": {"0s", "1m"},
	"cooldown": {"0s", "10m"}, "cron": {"0 3 * * *", "* * * * *", "wrong:", "0 0 30 2 *", "bogus"}, "timeZone": {"Europe/Berlin", "wrong:", "Mars/Base"},
	"reason": {"^Bad", "wrong:", "["}, "message": {"broken", "wrong:", "("}, "pattern": {"^a+$", "wrong:", "("},
	"namespace": {"random-policies", "wrong:", "elsewhere"}, "path": {"/metadata/annotations/a", "/spec/replicas", "wrong:", "/status/a"},
	"container": {"main"}, "name": {"a", "b", "c"}, "key": {"it.metadata.name", "wrong:", "it"}, "equals": {"target.name", "object.metadata.name", "wrong:", "a"},
	"from": {"a", "b"}, "related": {"a", "b"}, "of": {"a", "b"}, "where": {"true", "it.metadata.name != ''", "wrong:", "it"},
	"orderBy": {"it.metadata.name", "wrong:", "it"}, "labels": {"it.metadata.labels"}, "selectedBy": {"object.metadata.labels"},
	"replicasExpression": {"2", "object.spec.replicas + 1", "wrong:", "'two'"}, "nameExpression": {"target.name", "wrong:", "1"},
	"valueExpression": {"target.name", "wrong:", "nothing"}, "messageExpression": {"'all of ' + target.name", "wrong:", "1"},
	"days": {"Mon", "Tue"}, "start": {"08:00", "wrong:", "25:00"}, "end": {"17:00"}, "duration": {"1h"},
	"url": {"https://hooks.example/a", "wrong:", "ftp://x"},
}

// A generator draws specs from the schema.
type generator struct {
	*rand.Rand
}

func (g *generator) draw(s schema, name string, depth int) any {
	if options, ok := s["enum"].([]any); ok && g.IntN(10) > 0 {
		return options[g.IntN(len(options))]
	}
	if s["x-kubernetes-int-or-string"] == true {
		return []any{int64(1), "50%", "half"}[g.IntN(3)]
	}
	if s["x-kubernetes-preserve-unknown-fields"] == true {
		return []any{map[string]any{"metadata": map[string]any{"annotations": map[string]any{"a": "b"}}}, map[string]any{},
			map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "made"}}}[g.IntN(3)]
	}
	switch s["type"] {
	case "boolean":
		return g.IntN(2) == 0
	case "integer", "number":
		low, _ := s["minimum"].(float64)
		return int64(low) + g.Int64N(3)
	case "array":
		out := []any{}
		for range 1 + g.IntN(2) {
			out = append(out, g.draw(s.sub("items"), name, depth))
		}
		return out
	case "object":
		out := map[string]any{}
		if values := s.sub("additionalProperties"); values != nil {
			out["a"] = g.draw(values, "value", depth+1)
		}
		g.drawFields(s, out, depth)
		return out
	}
	pool := pools[name]
	if pool == nil {
		pool = []string{"a", "b"}
	}
	if wrong := slices.Index(pool, "wrong:"); wrong >= 0 && g.IntN(12) > 0 {
		pool = pool[:wrong]
	} else if wrong >= 0 {
		pool = pool[wrong+1:]
	}
	return pool[g.IntN(len(pool))]
}

func (g *generator) drawFields(s schema, out map[string]any, depth int) {
	required, _ := s["required"].([]any)
	fields := s.sub("properties")
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if slices.Contains(required, any(name)) || g.IntN(3+depth) == 0 {
			out[name] = g.draw(fields.sub(name), name, depth+1)
		}
	}
}

// spec is a policy's about the DaemonSets of a namespace, which does nothing.
func (g *generator) spec(s schema, ns string) map[string]any {
	spec := g.draw(s, "spec", 0).(map[string]any)
	spec["mode"], spec["paused"] = "Observe", true
	spec["target"] = map[string]any{"apiVersion": "apps/v1", "kind": "DaemonSet", "namespaces": []any{ns}}
	// Most alternatives exclude each other: one is taken.
	for _, remedy := range spec["remedies"].([]any) {
		for _, step := range remedy.(map[string]any)["steps"].([]any) {
			one := g.step(s.sub("properties").sub("remedies").sub("items").sub("properties").sub("steps").sub("items"))
			clear(step.(map[string]any))
			maps.Copy(step.(map[string]any), one)
		}
	}
	return spec
}

func (g *generator) step(s schema) map[string]any {
	fields := s.sub("properties")
	common := []string{"applyTo", "onFailure", "name"}
	actions := slices.DeleteFunc(slices.Sorted(maps.Keys(fields)), func(name string) bool { return slices.Contains(common, name) })
	action := actions[g.IntN(len(actions))]
	out := map[string]any{action: g.draw(fields.sub(action), action, 3)}
	if g.IntN(4) == 0 {
		out["applyTo"] = g.draw(fields.sub("applyTo"), "applyTo", 3)
	}
	return out
}

var steps = regexp.MustCompile(`\.?([^.\[\]]+)|\[([^\]]*)\]`)

// prune takes out what stands at a path. False: there is nothing.
func prune(value any, path string) bool {
	found := steps.FindAllStringSubmatch(path, -1)
	for i, step := range found {
		last := i == len(found)-1
		switch at := value.(type) {
		case map[string]any:
			key := step[1] + step[2]
			if _, ok := at[key]; !ok {
				return false
			}
			if last {
				delete(at, key)
				return true
			}
			value = at[key]
		case []any:
			n, err := strconv.Atoi(step[2])
			if err != nil || n >= len(at) {
				return false
			}
			if last {
				at[n] = nil
				return true
			}
			value = at[n]
		default:
			return false
		}
	}
	return false
}

// leadsSomewhere tells whether the schema has a field of that path.
func leadsSomewhere(s schema, path string) bool {
	for _, step := range steps.FindAllStringSubmatch(strings.TrimPrefix(path, "spec"), -1) {
		switch {
		case s["x-kubernetes-preserve-unknown-fields"] == true:
			return true
		case s["type"] == "array":
			s = s.sub("items")
		case s.sub("properties").sub(step[1]+step[2]) != nil:
			s = s.sub("properties").sub(step[1] + step[2])
		default:
			s = s.sub("additionalProperties")
		}
		if s == nil {
			return false
		}
	}
	return true
}

// taken asks the server for its opinion of a spec, and takes out what it objects to until it takes the rest.
func taken(t *testing.T, w *harness.World, spec map[string]any) bool {
	t.Helper()
	for range 12 {
		_, err := w.Dynamic.Resource(harness.Policies).Create(t.Context(), randomPolicy("tried", spec), metav1.CreateOptions{DryRun: []string{"All"}})
		if err == nil {
			return true
		}
		status, ok := err.(apierrors.APIStatus)
		if !ok || !apierrors.IsInvalid(err) {
			t.Errorf("the server says %v of\n%s", err, harness.Text(spec))
			return false
		}
		pruned := false
		for _, cause := range status.Status().Details.Causes {
			for path := strings.TrimPrefix(cause.Field, "spec."); path != "" && !pruned; {
				pruned = prune(spec, path)
				path = path[:max(0, strings.LastIndexAny(path, ".["))]
			}
		}
		if !pruned {
			return false
		}
	}
	return false
}

func randomPolicy(name string, spec map[string]any) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "kube-remedy.io/v1alpha1", "kind": "RemediationPolicy", "metadata": map[string]any{"name": name}, "spec": spec}}
	return object.DeepCopy()
}

// settled waits until the controller has judged the newest generation of a policy, and returns all that it says.
func settled(t *testing.T, w *harness.World, name string) harness.Policy {
	t.Helper()
	return awaitTargets(t, w, name, func(p *harness.Policy) bool {
		accepted, ready := p.Condition("Accepted"), p.Condition("Ready")
		return accepted.ObservedGeneration == p.Generation && ready.ObservedGeneration == p.Generation && ready.Reason != "WaitingForWatches"
	})
}

// opinion is what a policy's status says without times.
func opinion(p harness.Policy) string {
	text := fmt.Sprintf("%+v", p.Status.Targets)
	for _, c := range p.Status.Conditions {
		text += fmt.Sprintf("\n%s %s %s %s", c.Type, c.Status, c.Reason, c.Message)
	}
	for _, waiting := range p.Status.Waiting {
		text += fmt.Sprintf("\n%s %s %s", waiting.Target.Name, waiting.Reason, waiting.Message)
	}
	return withoutNames(text, p.Name)
}

// RandomSpecs: what the schema lets through is compiled, or refused with the path of a field that exists. And it does
// not matter what a policy has said before: S1, S2 and S1 again is as S1 alone. KR_SEED and KR_RANDOM_POLICIES choose
// others and more.
func TestRandomSpecs(t *testing.T) {
	number := func(variable string, otherwise uint64) uint64 {
		if text := os.Getenv(variable); text != "" {
			n, err := strconv.ParseUint(text, 10, 64)
			harness.Must(t, err)
			return n
		}
		return otherwise
	}
	seed, wanted := number("KR_SEED", 1), int(number("KR_RANDOM_POLICIES", 40))
	w, op := withOperator.Get(t)
	ns := w.Namespace(t, "random-policies")
	w.DaemonSet(t, ns, "d", map[string]string{"a": "b"})
	s := specSchema(t)
	g := &generator{rand.New(rand.NewPCG(seed, 0))}
	var specs []map[string]any
	tries := 0
	for ; len(specs) < wanted && tries < 100*wanted; tries++ {
		if spec := g.spec(s, ns); taken(t, w, spec) {
			specs = append(specs, spec)
		}
	}
	if len(specs) < wanted {
		t.Fatalf("seed %d: the server took %d of %d specs only", seed, len(specs), tries)
	}
	client := w.Dynamic.Resource(harness.Policies)
	set := func(name string, spec map[string]any) {
		t.Helper()
		object := randomPolicy(name, spec)
		object.SetManagedFields(nil)
		_, err := client.Apply(t.Context(), name, object, metav1.ApplyOptions{FieldManager: "random", Force: true})
		harness.Must(t, err)
		w.DeleteAtEnd(t, name)
	}
	name := func(n int) string { return fmt.Sprintf("random-%d", n) }
	for n, spec := range specs {
		set(name(n), spec)
	}
	accepted := 0
	for n, spec := range specs {
		p := settled(t, w, name(n))
		condition := p.Condition("Accepted")
		if condition.Status == metav1.ConditionTrue {
			accepted++
			continue
		}
		path := regexp.MustCompile(`^spec[^: ]*`).FindString(condition.Message)
		if path == "" || !leadsSomewhere(s, path) {
			t.Errorf("seed %d: refused with %q, which names no field, of\n%s", seed, condition.Message, harness.Text(spec))
		}
	}
	t.Logf("seed %d: %d specs drawn, %d taken by the server, %d accepted", seed, tries, len(specs), accepted)
	if accepted == 0 || accepted == len(specs) {
		t.Errorf("seed %d: %d of %d specs were accepted", seed, accepted, len(specs))
	}
	// Each becomes the next one and then itself again, and nobody sees that.
	for n := range specs {
		set(name(n), specs[(n+1)%len(specs)])
	}
	for n := range specs {
		settled(t, w, name(n))
	}
	for n, spec := range specs {
		spec["paused"] = false
		set(name(n), spec)
		set("fresh-"+name(n), spec)
	}
	// At rest: the same twice, with time for a status to be written in between.
	last := ""
	harness.Eventually(t, fmt.Sprintf("seed %d: edited policies to be as if they had never been others", seed), 2*harness.Limit, func() (bool, string) {
		time.Sleep(time.Second)
		began := began(t, w)
		all, differences := "", ""
		for n, spec := range specs {
			edited := began[name(n)] + opinion(settled(t, w, name(n)))
			fresh := began["fresh-"+name(n)] + opinion(settled(t, w, "fresh-"+name(n)))
			all += edited
			if edited != fresh {
				differences += fmt.Sprintf("edited:\n%s\nfresh:\n%s\nof\n%s\n", edited, fresh, harness.Text(spec))
			}
		}
		same := all == last
		last = all
		return same && differences == "", differences
	})
	if code, _, err := op.Get(t.Context(), "/healthz"); err != nil || code != 200 {
		t.Errorf("the operator is not well: %d %v", code, err)
	}
}

// began are the Remediations by policy: what it would do.
func began(t *testing.T, w *harness.World) map[string]string {
	t.Helper()
	list, err := w.Dynamic.Resource(harness.Remediations).List(t.Context(), metav1.ListOptions{})
	harness.Must(t, err)
	out := map[string]string{}
	for _, object := range list.Items {
		var r harness.Remediation
		harness.Decode(t, []byte(harness.Text(object.Object)), &r)
		out[r.Spec.PolicyRef.Name] += fmt.Sprintf("%s %s %s %s\n", r.Spec.TargetRef.Name, r.Status.Phase, r.Status.Reason, withoutNames(harness.Text(r.Status.Plan), r.Spec.PolicyRef.Name))
	}
	return out
}

var instant = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`)

// withoutNames is a text without what differs between two policies that say the same.
func withoutNames(text, policy string) string {
	return instant.ReplaceAllString(strings.ReplaceAll(text, policy, "POLICY"), "INSTANT")
}
