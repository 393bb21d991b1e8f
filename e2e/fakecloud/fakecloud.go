// Package fakecloud plays a cloud and its service controller: what k8s.io/cloud-provider does with Services of type
// LoadBalancer, over load balancers that exist in memory only. It keeps the cloud's bad habit that some annotations
// are read when a load balancer is made and never again, and remembers all that it ever made.
package fakecloud

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

// Finalizer is the service controller's own.
const Finalizer = "service.kubernetes.io/load-balancer-cleanup"

// Options say what kind of cloud it is.
type Options struct {
	Client kubernetes.Interface
	// The spec.loadBalancerClass that it serves; "" are the Services without one, as the shared controller has it.
	Class string
	// Prefixes of the annotations that are read when a load balancer is made. Others are taken over at once.
	CreationOnly []string
	// Instead of ignoring that such an annotation was changed, fail as Alibaba's does.
	Refuse bool
	// How long it takes to make one, and to remove one.
	Delay time.Duration
}

// A Provider runs until Stop.
type Provider struct {
	options Options
	cloud   *cloud
	queue   workqueue.TypedRateLimitingInterface[string]
	lister  cache.Indexer
	cancel  context.CancelFunc
	done    sync.WaitGroup

	mu     sync.Mutex
	known  map[string]*corev1.Service // as they were when they were dealt with last
	stuck  map[string]bool
	events int
}

// Start returns when it knows the Services that there are.
func Start(ctx context.Context, options Options) (*Provider, error) {
	ctx, cancel := context.WithCancel(ctx)
	factory := informers.NewSharedInformerFactory(options.Client, 0)
	services := factory.Core().V1().Services().Informer()
	p := &Provider{
		options: options, cloud: newCloud(), cancel: cancel, lister: services.GetIndexer(),
		queue: workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[string](50*time.Millisecond, time.Second)),
		known: map[string]*corev1.Service{}, stuck: map[string]bool{},
	}
	enqueue := func(object any) {
		if key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(object); err == nil {
			p.queue.Add(key)
		}
	}
	_, err := services.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: enqueue, UpdateFunc: func(_, object any) { enqueue(object) }, DeleteFunc: enqueue})
	if err != nil {
		cancel()
		return nil, err
	}
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), services.HasSynced) {
		cancel()
		return nil, fmt.Errorf("the Services could not be listed: %w", ctx.Err())
	}
	for range 8 {
		p.done.Add(1)
		go func() {
			defer p.done.Done()
			for p.next(ctx) {
			}
		}()
	}
	return p, nil
}

// Stop ends it. The cloud's load balancers stay.
func (p *Provider) Stop() {
	p.cancel()
	p.queue.ShutDown()
	p.done.Wait()
}

func (p *Provider) next(ctx context.Context) bool {
	key, stop := p.queue.Get()
	if stop {
		return false
	}
	defer p.queue.Done(key)
	if err := p.sync(ctx, key); err != nil && ctx.Err() == nil {
		p.queue.AddRateLimited(key)
	} else {
		p.queue.Forget(key)
	}
	return true
}

// NeverDelete makes every removal of that Service's load balancer fail, or lets it go on.
func (p *Provider) NeverDelete(namespace, name string, never bool) {
	p.mu.Lock()
	p.stuck[namespace+"/"+name] = never
	p.mu.Unlock()
	p.queue.Add(namespace + "/" + name)
}

func (p *Provider) isStuck(key string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stuck[key]
}

// LoadBalancers are all that were ever made for a Service of that name, the oldest first.
func (p *Provider) LoadBalancers(namespace, name string) []LoadBalancer {
	p.cloud.mu.Lock()
	defer p.cloud.mu.Unlock()
	var out []LoadBalancer
	for _, lb := range p.cloud.all {
		if lb.Service == namespace+"/"+name {
			out = append(out, *lb)
		}
	}
	return out
}

// Without is for how long there was none for a Service, nor for one whose name begins like its own, since the first.
func (p *Provider) Without(namespace, name string) (without time.Duration) {
	p.cloud.mu.Lock()
	defer p.cloud.mu.Unlock()
	var until time.Time              // there was one without a break
	for _, lb := range p.cloud.all { // in the order in which they were made
		if !strings.HasPrefix(lb.Service, namespace+"/"+name) {
			continue
		}
		if !until.IsZero() && lb.MadeAt.After(until) {
			without += lb.MadeAt.Sub(until)
		}
		gone := lb.GoneAt
		if gone.IsZero() {
			gone = time.Now()
		}
		if gone.After(until) {
			until = gone
		}
	}
	return without
}

// MostAtOnce is how many of them were there at the same time, at most.
func (p *Provider) MostAtOnce(namespace, name string) int {
	p.cloud.mu.Lock()
	defer p.cloud.mu.Unlock()
	return p.cloud.most[namespace+"/"+name]
}

// Ensures is how often the cloud was asked to bring the Service's load balancer up to date.
func (p *Provider) Ensures(namespace, name string) int {
	p.cloud.mu.Lock()
	defer p.cloud.mu.Unlock()
	return p.cloud.ensures[namespace+"/"+name]
}

func (p *Provider) creationOnly(annotation string) bool {
	return slices.ContainsFunc(p.options.CreationOnly, func(prefix string) bool { return strings.HasPrefix(annotation, prefix) })
}
