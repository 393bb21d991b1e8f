package cases

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

// A wrong policy of the table: something is put at a place of a good one, or taken away.
type wrong struct {
	At     string
	Put    any
	Remove bool
	Says   string // the controller's words
}

// change is the base with what is wrong with it.
func (c *wrong) change(t *testing.T, base any) map[string]any {
	t.Helper()
	text, err := json.Marshal(base)
	harness.Must(t, err)
	var root map[string]any
	harness.Must(t, json.Unmarshal(text, &root))
	set := func(any) {}
	var at any = root
	keys := strings.Split(c.At, "/")[1:]
	for n, key := range keys {
		last := n == len(keys)-1
		switch parent := at.(type) {
		case map[string]any:
			if last && c.Remove {
				delete(parent, key)
			} else if last {
				parent[key] = c.Put
			} else if _, there := parent[key]; !there {
				parent[key] = map[string]any{}
			}
			at, set = parent[key], func(v any) { parent[key] = v }
		case []any:
			if key == "-" {
				set(append(parent, c.Put))
				break
			}
			index, err := strconv.Atoi(key)
			harness.Must(t, err)
			if last {
				parent[index] = c.Put
			}
			at, set = parent[index], func(v any) { parent[index] = v }
		default:
			t.Fatalf("%s: nothing to go into at %s", c.At, key)
		}
	}
	return root
}

var (
	index = regexp.MustCompile(`\[\d+\]`)
	word  = regexp.MustCompile(`[A-Za-z]+`)
)

// field is the last name of the field that the controller's words begin with.
func (c *wrong) field() string {
	path, _, _ := strings.Cut(c.Says, ": ")
	names := word.FindAllString(index.ReplaceAllString(path, ""), -1)
	return names[len(names)-1]
}

// TestEveryBadPolicyIsRefused plays the table of bad policies against the API server, and what its schema lets pass
// against the controller.
func TestEveryBadPolicyIsRefused(t *testing.T) {
	w, _ := withOperator.Get(t)
	folder, err := operator.Manifests("tests/crds/v1alpha1")
	harness.Must(t, err)
	text, err := os.ReadFile(filepath.Join(folder, "bad_policies.yaml"))
	harness.Must(t, err)
	var table struct {
		Base  any
		Cases []wrong
	}
	harness.Must(t, yaml.Unmarshal(text, &table))

	byServer := 0
	passed := map[string]wrong{}
	for n, c := range table.Cases {
		name := fmt.Sprintf("bad-%03d", n)
		object := &unstructured.Unstructured{Object: c.change(t, table.Base)}
		object.SetName(name)
		if object.GetKind() != "RemediationPolicy" || object.GetAPIVersion() != harness.Policies.GroupVersion().String() {
			byServer++ // not a policy to it
			continue
		}
		_, err := w.Dynamic.Resource(harness.Policies).Create(t.Context(), object, metav1.CreateOptions{FieldValidation: "Strict"})
		switch {
		case err == nil:
			passed[name] = c
			w.DeleteAtEnd(t, name)
		case !apierrors.IsInvalid(err) && !apierrors.IsBadRequest(err):
			t.Errorf("%s = %v: %v", c.At, c.Put, err)
		default:
			byServer++
			if !strings.Contains(err.Error(), c.field()) {
				t.Errorf("%s = %v: the server does not name %s: %v", c.At, c.Put, c.field(), err)
			}
		}
	}
	for name, c := range passed {
		if message := w.AwaitCondition(t, name, "Accepted", "False", "Invalid"); message != c.Says {
			t.Errorf("%s = %v: the condition says %q, want %q", c.At, c.Put, message, c.Says)
		}
	}
	t.Logf("of %d bad policies the server refused %d, the controller %d", len(table.Cases), byServer, len(passed))
	if byServer < len(passed) {
		t.Error("the schema knows less than half of it")
	}
}
