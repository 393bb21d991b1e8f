package cases

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
)

// Objects that are large on the wire and small in the operator's memory, so that a list that is made again, or a
// stream that breaks off in the middle of it, costs something.
const (
	ballastNamespace = "ballast"
	ballastObjects   = 60
	ballastSize      = 100 << 10
	ballastHuge      = 900 << 10 // more than any buffer is kept for; the server takes objects of 1 MiB
)

// ballastPolicy is a patch of harness.PolicyText: it reads one small field of each.
const ballastPolicy = `
spec:
  target: {apiVersion: v1, kind: ConfigMap, namespaces: [ballast]}
  triggers:
  - name: marked
    match:
    - {name: sick, expression: "object.?data.?sick.orValue('') == 'yes'"}
  remedies:
  - name: tell
    steps:
    - notify: {message: never sent}
`

const ballastRole = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: watch-ballast
  labels: {kube-remedy.io/aggregate-to-controller: "true"}
rules:
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch]
`

var ballastOnce sync.Once

// ballast makes them, once in the cluster that tests of faults share.
func ballast(t *testing.T, w *harness.World) {
	t.Helper()
	ballastOnce.Do(func() {
		w.Apply(t, ballastRole)
		w.Namespace(t, ballastNamespace)
		for i := range ballastObjects {
			size := ballastSize
			if i == 0 {
				size = ballastHuge
			}
			_, err := w.Client.CoreV1().ConfigMaps(ballastNamespace).Create(t.Context(), &corev1.ConfigMap{
				ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("ballast-%d", i)},
				Data:       map[string]string{"sick": "no", "text": strings.Repeat(fmt.Sprintf("heavy%02d ", i), size/8)},
			}, metav1.CreateOptions{})
			harness.Must(t, err)
		}
	})
}
