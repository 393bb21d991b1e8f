package faultproxy

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"time"
)

// A RuleSpec is a rule as JSON, for clients that are not written in Go: everything but predicates and hooks.
type RuleSpec struct {
	Name              string   `json:"name"` // needed: it is what the rule is removed by
	Methods           []string `json:"methods,omitempty"`
	Path              string   `json:"path,omitempty"`    // regular expression
	NotPath           string   `json:"notPath,omitempty"` // regular expression
	Writes            bool     `json:"writes,omitempty"`
	Watches           bool     `json:"watches,omitempty"`
	Nth               int      `json:"nth,omitempty"`
	Delay             string   `json:"delay,omitempty"` // as in 500ms
	Freeze            bool     `json:"freeze,omitempty"`
	CutBefore         bool     `json:"cutBefore,omitempty"`
	CutAfter          bool     `json:"cutAfter,omitempty"`
	Answer            *Answer  `json:"answer,omitempty"`
	CutStreamAfter    *int64   `json:"cutStreamAfter,omitempty"`
	FreezeStreamAfter *int64   `json:"freezeStreamAfter,omitempty"`
	Trickle           int64    `json:"trickle,omitempty"` // bytes per second
	Events            string   `json:"events,omitempty"`  // Dropped, Merged, Repeated or Reordered
}

// Rule checks and converts a specification.
func (s RuleSpec) Rule() (Rule, error) {
	if s.Name == "" {
		return Rule{}, errors.New("a rule needs a name")
	}
	if s.Answer != nil && (s.Answer.Status < 200 || s.Answer.Status > 599) {
		return Rule{}, fmt.Errorf("answer.status is %d, want 200 to 599", s.Answer.Status)
	}
	path, err := pattern("path", s.Path)
	if err != nil {
		return Rule{}, err
	}
	events := EventFault(s.Events)
	if _, known := eventFaults[events]; !known && events != "" {
		return Rule{}, fmt.Errorf("events is %q, want one of %v", s.Events, slices.Sorted(maps.Keys(eventFaults)))
	}
	notPath, err := pattern("notPath", s.NotPath)
	if err != nil {
		return Rule{}, err
	}
	delay := time.Duration(0)
	if s.Delay != "" {
		if delay, err = time.ParseDuration(s.Delay); err != nil {
			return Rule{}, fmt.Errorf("delay: %w", err)
		}
	}
	return Rule{
		Name:  s.Name,
		Match: Match{Methods: s.Methods, Path: path, NotPath: notPath, Writes: s.Writes, Watches: s.Watches, Nth: s.Nth},
		Fault: Fault{
			Delay: delay, Freeze: s.Freeze, CutBefore: s.CutBefore, Answer: s.Answer, CutAfter: s.CutAfter,
			CutStreamAfter: s.CutStreamAfter, FreezeStreamAfter: s.FreezeStreamAfter, Trickle: s.Trickle, Events: events,
		},
	}, nil
}

func pattern(field, text string) (*regexp.Regexp, error) {
	if text == "" {
		return nil, nil
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", field, err)
	}
	return re, nil
}

// ControlHandler lets another process steer the proxy. It has no protection: serve it on the loopback only.
//
//	POST   /rules         a RuleSpec; added behind the others
//	DELETE /rules/{name}  removes the rules of that name
//	DELETE /rules         removes all rules
//	GET    /records       the mutating requests so far; ?writes=1 as Proxy.Writes
//	DELETE /records       forgets them
//	POST   /cut           cuts all connections of clients
func (p *Proxy) ControlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /rules", p.postRule)
	mux.HandleFunc("DELETE /rules/{name}", func(w http.ResponseWriter, r *http.Request) {
		if p.rules.remove(func(h *Handle) bool { return h.rule.Name == r.PathValue("name") }) == 0 {
			http.Error(w, "no rule has that name", http.StatusNotFound)
		}
	})
	mux.HandleFunc("DELETE /rules", func(http.ResponseWriter, *http.Request) { p.RemoveAll() })
	mux.HandleFunc("GET /records", func(w http.ResponseWriter, r *http.Request) {
		records := p.Records()
		if r.URL.Query().Get("writes") != "" {
			records = p.Writes()
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(records)
	})
	mux.HandleFunc("DELETE /records", func(http.ResponseWriter, *http.Request) { p.ClearRecords() })
	mux.HandleFunc("POST /cut", func(http.ResponseWriter, *http.Request) { p.CutConnections() })
	return mux
}

func (p *Proxy) postRule(w http.ResponseWriter, r *http.Request) {
	var spec RuleSpec
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyLimit))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&spec)
	if err == nil {
		var rule Rule
		if rule, err = spec.Rule(); err == nil {
			p.Add(rule)
			w.WriteHeader(http.StatusCreated)
			return
		}
	}
	http.Error(w, err.Error(), http.StatusBadRequest)
}
