package harness

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

// User is the operator's name to the API server.
const User = "system:serviceaccount:" + operator.Namespace + ":" + operator.ServiceAccount

// A Write is one request of an operator that the API server carried out, from the audit log.
type Write struct {
	cluster.AuditEvent
	DryRun          bool
	ResourceVersion string // of the answer
}

// Writes are the successful writes of operators to a kind of object (its plural), in a namespace and of a name, each
// of the three "" for any. Status updates and dry runs are among them.
func (w *World) Writes(t testing.TB, resource, namespace, name string) []Write {
	t.Helper()
	return w.writes(t, namespace, resource, namespace, name)
}

// writes looks only at lines of the audit log that contain a text: quicker than reading all of a long log.
func (w *World) writes(t testing.TB, containing, resource, namespace, name string) []Write {
	t.Helper()
	events, err := w.AuditEvents(containing)
	Must(t, err)
	var out []Write
	for _, e := range events {
		if e.User.Username != User || !e.IsWrite() || e.ObjectRef == nil || resource != "" && e.ObjectRef.Resource != resource {
			continue
		}
		if namespace != "" && e.ObjectRef.Namespace != namespace || e.ResponseStatus == nil || e.ResponseStatus.Code >= 300 {
			continue
		}
		if name != "" && e.ObjectRef.Name != name {
			continue
		}
		write := Write{AuditEvent: e}
		if u, err := url.Parse(e.RequestURI); err == nil {
			write.DryRun = u.Query().Get("dryRun") != ""
		}
		var answer struct {
			Metadata struct{ ResourceVersion string }
		}
		if len(e.ResponseObject) > 0 {
			Must(t, json.Unmarshal(e.ResponseObject, &answer))
		}
		write.ResourceVersion = answer.Metadata.ResourceVersion
		out = append(out, write)
	}
	return out
}

// Patches are the patches of DaemonSets in a namespace that operators had carried out for real.
func (w *World) Patches(t testing.TB, namespace string) []Write {
	t.Helper()
	var out []Write
	for _, write := range w.Writes(t, "daemonsets", namespace, "") {
		if !write.DryRun {
			out = append(out, write)
		}
	}
	return out
}

// WantPatches fails unless that many patches of the namespace's DaemonSets were carried out.
func (w *World) WantPatches(t testing.TB, namespace string, n int) {
	t.Helper()
	got := w.Patches(t, namespace)
	if len(got) == n {
		return
	}
	var lines []string
	for _, write := range got {
		lines = append(lines, fmt.Sprintf("%s %s %s", write.Verb, write.RequestURI, write.RequestObject))
	}
	t.Errorf("DaemonSets of %s were written %d times, want %d:\n%s", namespace, len(got), n, strings.Join(lines, "\n"))
}
