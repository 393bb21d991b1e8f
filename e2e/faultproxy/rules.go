package faultproxy

import (
	"slices"
	"sync"
)

// ruleSet holds the rules in the order in which they were added. It is safe for concurrent use.
type ruleSet struct {
	mu     sync.Mutex
	active []*Handle
}

// A Handle is a rule that was added to a proxy.
type Handle struct {
	set     *ruleSet
	rule    Rule
	removed chan struct{}
	fired   chan struct{}

	seen, applied int // guarded by set.mu
}

// Remove takes the rule out of the proxy. Requests that it froze go on. It may be called again.
func (h *Handle) Remove() { h.set.remove(func(other *Handle) bool { return other == h }) }

// Applied is how many requests the rule was applied to.
func (h *Handle) Applied() int {
	h.set.mu.Lock()
	defer h.set.mu.Unlock()
	return h.applied
}

// Fired is closed when the rule takes its first request, before it does anything to it.
func (h *Handle) Fired() <-chan struct{} { return h.fired }

func (s *ruleSet) add(rule Rule) *Handle {
	added := &Handle{set: s, rule: rule, removed: make(chan struct{}), fired: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active = append(s.active, added)
	return added
}

// remove takes out the rules that the condition selects and returns how many they were.
func (s *ruleSet) remove(condition func(*Handle) bool) (count int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active = slices.DeleteFunc(s.active, func(h *Handle) bool {
		if !condition(h) {
			return false
		}
		close(h.removed)
		count++
		return true
	})
	return count
}

// take counts the request in every rule that it matches and returns the one to apply, or nil. Predicates are
// called under the lock, hence one at a time.
func (s *ruleSet) take(r *Request) *Handle {
	s.mu.Lock()
	defer s.mu.Unlock()
	var chosen *Handle
	for _, h := range s.active {
		if !h.rule.Match.selects(r) {
			continue
		}
		h.seen++
		if chosen == nil && (h.rule.Match.Nth == 0 || h.rule.Match.Nth == h.seen) {
			chosen = h
		}
	}
	if chosen != nil {
		if chosen.applied == 0 {
			close(chosen.fired)
		}
		chosen.applied++
	}
	return chosen
}
