package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
)

// actedAnnotation is what the policy of latency.yaml writes.
const actedAnnotation = "bench.kube-remedy.io/acted"

// A board shows, by watching, how far the remediations are. It decides when to go on; it measures nothing, because
// its own watch comes late by as much as anybody's.
type board struct {
	mu      sync.Mutex
	changed chan struct{}     // closed and replaced at each change
	acted   map[string]bool   // nodes that carry the annotation
	target  map[string]string // Remediation to node, also of those deleted since
	phase   map[string]string // by Remediation
}

func newBoard(ctx context.Context, w *world) (*board, error) {
	b := &board{changed: make(chan struct{}), acted: map[string]bool{}, target: map[string]string{}, phase: map[string]string{}}
	typed := informers.NewSharedInformerFactory(w.client, 0)
	generic := dynamicinformer.NewDynamicSharedInformerFactory(w.dynamic, 0)
	nodes, remediations := typed.Core().V1().Nodes().Informer(), generic.ForResource(remediationResource).Informer()
	if _, err := nodes.AddEventHandler(handler(b.onNode)); err != nil {
		return nil, err
	}
	if _, err := remediations.AddEventHandler(handler(b.onRemediation)); err != nil {
		return nil, err
	}
	typed.Start(ctx.Done())
	generic.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), nodes.HasSynced, remediations.HasSynced) {
		return nil, errors.New("the board did not sync")
	}
	return b, nil
}

// handler calls f for every state of an object, and with gone = true when it is deleted.
func handler(f func(object any, gone bool)) cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { f(object, false) },
		UpdateFunc: func(_, object any) { f(object, false) },
		DeleteFunc: func(object any) {
			if tombstone, ok := object.(cache.DeletedFinalStateUnknown); ok {
				object = tombstone.Obj
			}
			f(object, true)
		},
	}
}

func (b *board) onNode(object any, gone bool) {
	node := object.(*corev1.Node)
	b.change(func() { b.acted[node.Name] = !gone && node.Annotations[actedAnnotation] != "" })
}

func (b *board) onRemediation(object any, gone bool) {
	remediation := object.(*unstructured.Unstructured)
	target, _, _ := unstructured.NestedString(remediation.Object, "spec", "targetRef", "name")
	phase, _, _ := unstructured.NestedString(remediation.Object, "status", "phase")
	b.change(func() {
		b.target[remediation.GetName()] = target
		b.phase[remediation.GetName()] = phase
		if gone {
			delete(b.phase, remediation.GetName())
		}
	})
}

func (b *board) change(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
	close(b.changed)
	b.changed = make(chan struct{})
}

// await waits until the condition holds, which is asked under the board's lock.
func (b *board) await(ctx context.Context, what string, limit time.Duration, condition func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		b.mu.Lock()
		holds, changed := condition(), b.changed
		b.mu.Unlock()
		if holds {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("waiting until %s: %w", what, ctx.Err())
		}
	}
}

// awaitActed waits until kube-remedy has written to all of these nodes.
func (b *board) awaitActed(ctx context.Context, nodes []string, limit time.Duration) error {
	return b.await(ctx, fmt.Sprintf("%d nodes are acted on", len(nodes)), limit, func() bool {
		for _, node := range nodes {
			if !b.acted[node] {
				return false
			}
		}
		return true
	})
}

// awaitSucceeded waits until so many remediations are over. One that ended otherwise is an error.
func (b *board) awaitSucceeded(ctx context.Context, n int, limit time.Duration) error {
	var failed error
	err := b.await(ctx, fmt.Sprintf("%d remediations have succeeded", n), limit, func() bool {
		succeeded := 0
		for name, phase := range b.phase {
			switch phase {
			case "Succeeded":
				succeeded++
			case "Failed", "Cancelled", "Reported", "Observed":
				failed = fmt.Errorf("remediation %s ended as %s", name, phase)
			}
		}
		return failed != nil || succeeded >= n
	})
	return errors.Join(err, failed)
}

// clear deletes all remediations.
func (b *board) clear(ctx context.Context, w *world, limit time.Duration) error {
	err := w.dynamic.Resource(remediationResource).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{})
	if err != nil {
		return err
	}
	return b.await(ctx, "the remediations are deleted", limit, func() bool { return len(b.phase) == 0 })
}

func (b *board) targetOf(remediation string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.target[remediation]
}
