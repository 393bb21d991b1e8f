package fakecloud

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"reflect"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// sync is syncLoadBalancerIfNeeded of the service controller, in its order.
func (p *Provider) sync(ctx context.Context, key string) error {
	object, exists, err := p.lister.GetByKey(key)
	if err != nil || !exists {
		p.remember(key, nil)
		return err
	}
	s := object.(*corev1.Service)
	if !p.wants(s) || s.DeletionTimestamp != nil {
		if slices.Contains(s.Finalizers, Finalizer) && p.cloud.provided(s) { // other clouds may be there, too
			if err := p.cleanUp(ctx, s); err != nil {
				return err
			}
		}
		p.remember(key, s)
		return nil
	}
	if known := p.recall(key); known != nil && !needsUpdate(known, s) {
		return nil
	}
	if err := p.provide(ctx, s); err != nil {
		p.event(ctx, s, corev1.EventTypeWarning, "SyncLoadBalancerFailed",
			"Error syncing load balancer: failed to ensure load balancer: "+err.Error())
		return err
	}
	p.remember(key, s)
	return nil
}

func (p *Provider) wants(s *corev1.Service) bool {
	class := ""
	if s.Spec.LoadBalancerClass != nil {
		class = *s.Spec.LoadBalancerClass
	}
	return s.Spec.Type == corev1.ServiceTypeLoadBalancer && class == p.options.Class
}

// needsUpdate is the service controller's of that name: what makes it ask the cloud.
func needsUpdate(old, now *corev1.Service) bool {
	return old.UID != now.UID || old.Spec.Type != now.Spec.Type || !reflect.DeepEqual(old.Annotations, now.Annotations) ||
		!reflect.DeepEqual(old.Spec.Ports, now.Spec.Ports) || old.Spec.SessionAffinity != now.Spec.SessionAffinity ||
		old.Spec.LoadBalancerIP != now.Spec.LoadBalancerIP || !reflect.DeepEqual(old.Spec.ExternalIPs, now.Spec.ExternalIPs) ||
		!reflect.DeepEqual(old.Spec.LoadBalancerSourceRanges, now.Spec.LoadBalancerSourceRanges) ||
		old.Spec.ExternalTrafficPolicy != now.Spec.ExternalTrafficPolicy || old.Spec.HealthCheckNodePort != now.Spec.HealthCheckNodePort ||
		!reflect.DeepEqual(old.Spec.IPFamilies, now.Spec.IPFamilies)
}

func (p *Provider) provide(ctx context.Context, s *corev1.Service) error {
	p.event(ctx, s, corev1.EventTypeNormal, "EnsuringLoadBalancer", "Ensuring load balancer")
	if !slices.Contains(s.Finalizers, Finalizer) {
		if err := p.finalizers(ctx, s, append(slices.Clone(s.Finalizers), Finalizer)); err != nil {
			return err
		}
	}
	p.pause(ctx)
	lb, drifted := p.cloud.ensure(s, p.creationOnly)
	if len(drifted) > 0 && p.options.Refuse {
		return fmt.Errorf("alicloud: can not change LoadBalancer %s once created. delete and retry", path.Base(drifted[0]))
	}
	status := corev1.LoadBalancerStatus{Ingress: []corev1.LoadBalancerIngress{{IP: lb.Address}}}
	if err := p.status(ctx, s, status); err != nil {
		return err
	}
	p.event(ctx, s, corev1.EventTypeNormal, "EnsuredLoadBalancer", "Ensured load balancer")
	return nil
}

func (p *Provider) cleanUp(ctx context.Context, s *corev1.Service) error {
	p.event(ctx, s, corev1.EventTypeNormal, "DeletingLoadBalancer", "Deleting load balancer")
	if p.isStuck(keyOf(s)) {
		err := fmt.Errorf("failed to delete load balancer: %s is in use", nameOf(s))
		p.event(ctx, s, corev1.EventTypeWarning, "SyncLoadBalancerFailed", "Error syncing load balancer: "+err.Error())
		return err
	}
	p.pause(ctx)
	p.cloud.remove(s)
	rest := slices.DeleteFunc(slices.Clone(s.Finalizers), func(f string) bool { return f == Finalizer })
	if err := p.finalizers(ctx, s, rest); err != nil {
		return err
	}
	p.event(ctx, s, corev1.EventTypeNormal, "DeletedLoadBalancer", "Deleted load balancer")
	return p.status(ctx, s, corev1.LoadBalancerStatus{})
}

func (p *Provider) pause(ctx context.Context) {
	if p.options.Delay == 0 {
		return
	}
	select {
	case <-time.After(p.options.Delay):
	case <-ctx.Done():
	}
}

// finalizers writes the list unless the Service is another one, or has other finalizers, by now.
func (p *Provider) finalizers(ctx context.Context, s *corev1.Service, wanted []string) error {
	patch := map[string]any{"metadata": map[string]any{"uid": s.UID, "resourceVersion": s.ResourceVersion, "finalizers": wanted}}
	return p.patch(ctx, s, patch)
}

func (p *Provider) status(ctx context.Context, s *corev1.Service, status corev1.LoadBalancerStatus) error {
	patch := map[string]any{"metadata": map[string]any{"uid": s.UID}, "status": map[string]any{"loadBalancer": nil}}
	if len(status.Ingress) > 0 {
		patch["status"] = map[string]any{"loadBalancer": status}
	}
	return p.patch(ctx, s, patch, "status")
}

func (p *Provider) patch(ctx context.Context, s *corev1.Service, patch map[string]any, subresource ...string) error {
	text, err := json.Marshal(patch)
	if err != nil {
		return err
	}
	_, err = p.options.Client.CoreV1().Services(s.Namespace).Patch(ctx, s.Name, types.MergePatchType, text,
		metav1.PatchOptions{FieldManager: "fakecloud"}, subresource...)
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

func (p *Provider) remember(key string, s *corev1.Service) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s == nil {
		delete(p.known, key)
	} else {
		p.known[key] = s
	}
}

func (p *Provider) recall(key string) *corev1.Service {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known[key]
}

// event tells; that it cannot be told is no reason to stop.
func (p *Provider) event(ctx context.Context, s *corev1.Service, kind, reason, message string) {
	p.mu.Lock()
	p.events++
	n := p.events
	p.mu.Unlock()
	now := metav1.Now()
	_, _ = p.options.Client.CoreV1().Events(s.Namespace).Create(ctx, &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s.%x.%d", s.Name, now.UnixNano(), n)},
		InvolvedObject: corev1.ObjectReference{APIVersion: "v1", Kind: "Service", Namespace: s.Namespace, Name: s.Name,
			UID: s.UID, ResourceVersion: s.ResourceVersion},
		Type: kind, Reason: reason, Message: message, Count: 1, FirstTimestamp: now, LastTimestamp: now,
		Source: corev1.EventSource{Component: "service-controller"},
	}, metav1.CreateOptions{})
}
