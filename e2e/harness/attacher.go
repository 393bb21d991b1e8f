package harness

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
)

// finalizer keeps a VolumeAttachment until its volume is detached, as that of the CSI external-attacher does.
const finalizer = "external-attacher/test"

// An Attacher plays the CSI external-attacher: volumes are attached and detached where the attach-detach controller
// wants them to be, each after its time. It keeps when that was.
type Attacher struct {
	world *World
	after time.Duration

	mu      sync.Mutex
	begun   map[string]bool // by name, and whether it is for its end
	changes []VolumeChange
}

// A VolumeChange is an end of an attachment, or that a volume is attached.
type VolumeChange struct {
	At           time.Time
	Volume, Node string
	Attached     bool
}

// Attacher starts one, until the end of the test.
func (w *World) Attacher(t testing.TB, after time.Duration) *Attacher {
	t.Helper()
	a := &Attacher{world: w, after: after, begun: map[string]bool{}}
	factory := informers.NewSharedInformerFactory(w.Client, 0)
	informer := factory.Storage().V1().VolumeAttachments().Informer()
	see := func(object any) { a.see(object.(*storagev1.VolumeAttachment)) }
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: see, UpdateFunc: func(_, object any) { see(object) }})
	Must(t, err)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(stop)
	factory.Start(ctx.Done())
	return a
}

func (a *Attacher) see(attachment *storagev1.VolumeAttachment) {
	ends := attachment.DeletionTimestamp != nil
	if !ends && attachment.Status.Attached {
		return
	}
	key := fmt.Sprint(attachment.Name, attachment.UID, ends)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.begun[key] {
		return
	}
	a.begun[key] = true
	time.AfterFunc(a.after, func() { a.carryOut(attachment, ends) })
}

func (a *Attacher) carryOut(attachment *storagev1.VolumeAttachment, ends bool) {
	patch, subresources := `{"metadata":{"finalizers":null}}`, []string{}
	attachments := a.world.Client.StorageV1().VolumeAttachments()
	if !ends {
		patch, subresources = `{"status":{"attached":true}}`, []string{"status"}
		if _, err := attachments.Patch(context.Background(), attachment.Name, types.MergePatchType,
			[]byte(`{"metadata":{"finalizers":["`+finalizer+`"]}}`), metav1.PatchOptions{}); err != nil {
			return // it is gone: nobody waits for it
		}
	}
	if _, err := attachments.Patch(context.Background(), attachment.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}, subresources...); err != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.changes = append(a.changes, VolumeChange{time.Now(), *attachment.Spec.Source.PersistentVolumeName, attachment.Spec.NodeName, !ends})
}

// Changes are those that there were so far, in their order.
func (a *Attacher) Changes() []VolumeChange {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.changes)
}

// Disk makes a volume of a CSI driver that one node at a time can have, for one claim.
func (w *World) Disk(t testing.TB, name, namespace, claim string) {
	t.Helper()
	w.Apply(t, fmt.Sprintf(`
apiVersion: v1
kind: PersistentVolume
metadata: {name: %s}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  csi: {driver: disks.example, volumeHandle: %[1]s}
  claimRef: {apiVersion: v1, kind: PersistentVolumeClaim, namespace: %[2]s, name: %[3]s}
`, name, namespace, claim))
}
