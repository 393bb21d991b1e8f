package cases

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

// withDisk is a set with one member, pinned to nothing, and a volume.
const withDisk = `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: %[1]s, namespace: %[2]s}
spec:
  serviceName: %[1]s
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec: {containers: [{name: main, image: "registry.local/main:1"}]}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {storageClassName: "", accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
`

// F8: volumes move one after the other. The next pod with a volume goes when that of the one before it is detached here
// and attached where its successor is.
func TestF8VolumesMoveOneAfterTheOther(t *testing.T) {
	const ns = "disks"
	w := zones(t)
	w.Namespace(t, ns)
	// Who attaches and detaches is the controller manager, as on a node whose kubelet says so.
	for i := range 6 {
		w.Kubectl(t, "", "annotate", "node", fmt.Sprintf("n%d", i+1), "volumes.kubernetes.io/controller-managed-attach-detach=true")
	}
	attacher := w.Attacher(t, time.Second)
	for i := range 5 {
		w.Kubectl(t, "", "cordon", fmt.Sprintf("n%d", i+2))
	}
	sets := map[string]int{"a": 1, "b": 1, "c": 1}
	for set := range sets {
		w.Disk(t, "disk-"+set, ns, "data-"+set+"-0")
		w.Apply(t, fmt.Sprintf(withDisk, set, ns))
	}
	w.AwaitReadyPods(t, ns, len(sets))
	attached := func(node string, want int) {
		harness.Eventually(t, fmt.Sprintf("%d volumes to be attached", want), harness.Limit, func() (bool, string) {
			n := 0
			for _, change := range attacher.Changes() {
				if change.Attached && (change.Node == "n1") == (node == "n1") {
					n++
				}
			}
			return n == want, harness.Text(attacher.Changes())
		})
	}
	attached("n1", len(sets))
	for i := range 5 {
		w.Kubectl(t, "", "uncordon", fmt.Sprintf("n%d", i+2))
	}
	w.Operator(t, operator.Options{})
	w.Apply(t, fmt.Sprintf(drainPolicy, ns, "10m"))
	deadlock(t, w, "n1", true)
	harness.Eventually(t, "the node to be empty", 2*harness.Limit, func() (bool, string) {
		left := w.PodsOn(t, ns, "n1")
		return len(left) == 0, fmt.Sprint(left, remediationOf(t, w, ns, "n1"))
	})
	attached("elsewhere", len(sets))
	deadlock(t, w, "n1", false)
	w.AwaitPhase(t, ns, "Succeeded")

	// What the server and the attacher have written down.
	times := w.EvictionTimes(t, ns)
	if len(times) != len(sets) {
		t.Fatalf("evicted were %v", times)
	}
	var pods []string
	for pod := range times {
		pods = append(pods, pod)
	}
	slices.SortFunc(pods, func(a, b string) int { return times[a].Compare(times[b]) })
	for i, pod := range pods[:len(pods)-1] {
		volume, next := "disk-"+strings.TrimSuffix(pod, "-0"), times[pods[i+1]]
		for _, change := range attacher.Changes() {
			if change.Volume == volume && (change.Node == "n1") != change.Attached && next.Before(change.At.Add(-seen)) {
				t.Errorf("%s was evicted at %v, before %+v", pods[i+1], next, change)
			}
		}
	}
}

// seen is how much later than the server an attacher knows that its write was carried out.
const seen = 200 * time.Millisecond
