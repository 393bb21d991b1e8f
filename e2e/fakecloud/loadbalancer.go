package fakecloud

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// A LoadBalancer is one that the cloud has made, also when it is gone by now.
type LoadBalancer struct {
	Name       string // as the service controller names it: "a" and the UID without dashes
	Service    string // "namespace/name"
	UID        string // of the Service that it was made for
	Address    string
	Parameters map[string]string // the Service's annotations as far as the cloud has taken them over
	Ranges     []string          // who may reach it
	MadeAt     time.Time
	GoneAt     time.Time // zero while it is there
}

// A cloud is what the provider's API would remember.
type cloud struct {
	mu      sync.Mutex
	next    netip.Addr
	all     []*LoadBalancer
	most    map[string]int // how many of a Service were there at once, at most
	ensures map[string]int
}

func newCloud() *cloud {
	return &cloud{next: netip.MustParseAddr("192.0.2.1"), most: map[string]int{}, ensures: map[string]int{}}
}

// nameOf is cloudprovider.DefaultLoadBalancerName.
func nameOf(s *corev1.Service) string {
	name := "a" + strings.ReplaceAll(string(s.UID), "-", "")
	return name[:min(len(name), 32)]
}

func keyOf(s *corev1.Service) string { return s.Namespace + "/" + s.Name }

func (c *cloud) find(name string) *LoadBalancer {
	for _, lb := range c.all {
		if lb.Name == name && lb.GoneAt.IsZero() {
			return lb
		}
	}
	return nil
}

// ensure makes the load balancer of a Service, or takes over what may still be changed. It says which of the
// creation-only annotations differ from what the load balancer was made with.
func (c *cloud) ensure(s *corev1.Service, creationOnly func(string) bool) (lb LoadBalancer, drifted []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ensures[keyOf(s)]++
	found := c.find(nameOf(s))
	if found == nil {
		address := s.Spec.LoadBalancerIP
		if address == "" {
			address, c.next = c.next.String(), c.next.Next()
		}
		found = &LoadBalancer{Name: nameOf(s), Service: keyOf(s), UID: string(s.UID), Address: address,
			Parameters: maps.Clone(s.Annotations), MadeAt: time.Now()}
		c.all = append(c.all, found)
		c.most[found.Service] = max(c.most[found.Service], len(c.live(found.Service)))
	}
	found.Ranges = slices.Clone(s.Spec.LoadBalancerSourceRanges)
	parameters := maps.Clone(s.Annotations)
	if parameters == nil {
		parameters = map[string]string{}
	}
	for _, key := range slices.Sorted(maps.Keys(union(parameters, found.Parameters))) {
		if !creationOnly(key) {
			continue
		}
		made, was := found.Parameters[key]
		wanted, is := parameters[key]
		if was != is || made != wanted {
			drifted = append(drifted, key)
		}
		delete(parameters, key)
		if was {
			parameters[key] = made
		}
	}
	found.Parameters = parameters
	return *found, drifted
}

func union(a, b map[string]string) map[string]string {
	out := maps.Clone(a)
	for key, value := range b {
		out[key] = value
	}
	return out
}

// provided tells whether it has ever made one for that Service.
func (c *cloud) provided(s *corev1.Service) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.all, func(lb *LoadBalancer) bool { return lb.UID == string(s.UID) })
}

func (c *cloud) remove(s *corev1.Service) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if lb := c.find(nameOf(s)); lb != nil {
		lb.GoneAt = time.Now()
	}
}

func (c *cloud) live(service string) []LoadBalancer {
	var out []LoadBalancer
	for _, lb := range c.all {
		if lb.Service == service && lb.GoneAt.IsZero() {
			out = append(out, *lb)
		}
	}
	return out
}
