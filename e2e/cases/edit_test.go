package cases

import (
	"context"
	"fmt"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
)

// The operator keeps of an object only what policies read. An edit that reads more must not be judged by documents
// from before: each of these fields is always there, and where it seems missing the symptom would hold.
func TestAnEditThatReadsMoreIsNotJudgedByOldDocuments(t *testing.T) {
	w, _ := withOperator.Get(t)
	ns := w.Namespace(t, "grows")
	const n = 15
	for i := range n {
		w.DaemonSet(t, ns, fmt.Sprintf("d-%d", i), nil)
	}
	w.ApplyPolicy(t, ns, ns)
	ctx, stop := context.WithCancel(t.Context())
	var churn sync.WaitGroup
	churn.Go(func() { // all of them are evaluated all the time
		for i := 0; ctx.Err() == nil; i++ {
			patch := fmt.Appendf(nil, `{"metadata":{"annotations":{"round":"%d"}}}`, i)
			w.Client.AppsV1().DaemonSets(ns).Patch(ctx, fmt.Sprintf("d-%d", i%n), types.MergePatchType, patch, metav1.PatchOptions{})
		}
	})
	defer churn.Wait()
	defer stop()
	for _, field := range []string{
		"spec.?updateStrategy.?type", "spec.?revisionHistoryLimit", "spec.template.spec.?dnsPolicy",
		"spec.template.spec.?restartPolicy", "spec.template.spec.?schedulerName", "spec.template.spec.?nodeSelector",
	} {
		w.Apply(t, harness.PolicyText(t, ns, ns, fmt.Sprintf(`
spec:
  triggers:
  - name: marked
    match:
    - {name: sick, expression: "object.metadata.?annotations.?sick.orValue('') == 'yes'"}
  - name: missing
    match:
    - {name: missing, expression: "!object.%s.hasValue()"}
`, field)))
		w.AwaitCondition(t, ns, "Ready", "True", "Ready")
	}
	// What comes last is seen, so everything before has been judged.
	w.DaemonSet(t, ns, "last", map[string]string{"sick": "yes"})
	awaitCured(t, w, ns, "last")
	w.WantPatches(t, ns, 1)
	if all := w.Remediations(t, ns); len(all) != 1 {
		t.Errorf("got %d Remediations, want that of the last", len(all))
	}
}
