package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

// A reaction is how kube-remedy answered to symptoms, as the API server's audit log has it: there is one clock, the
// server's, and no watch of ours in the figures. They begin when the server receives the write of the symptom, so
// the time that it takes to store that is among them, and end when it has answered a write of kube-remedy.
type reaction struct {
	created samples // symptom to Remediation created
	acted   samples // symptom to first write of the action answered

	whole       time.Duration // first symptom to last node acted on
	untilActed  float64       // writes per node until then, that of the action included
	untilEnd    float64       // writes per node until the remediation was over
	events      float64       // Events per node, which are not among them
	writeRate   float64       // of everybody, per second, while it lasted
	worstWrites int           // until acted, of the node that took most
	cpu         time.Duration // of kube-remedy per node, to the end of its remediation
}

func (r reaction) String() string {
	return fmt.Sprintf("created P50 %s, acted P50 %s P99 %s; all within %.2f s; writes per node %.1f until acted (at most %d), %.1f until the end and %.1f Events; %.0f writes/s; %s of CPU per node",
		milliseconds(r.created.at(50)), milliseconds(r.acted.at(50)), milliseconds(r.acted.at(99)),
		r.whole.Seconds(), r.untilActed, r.worstWrites, r.untilEnd, r.events, r.writeRate, milliseconds(r.cpu))
}

// samples are sorted durations.
type samples []time.Duration

// at is the percentile by nearest rank.
func (s samples) at(percent int) time.Duration {
	if len(s) == 0 {
		return 0
	}
	return s[max(0, (len(s)*percent+99)/100-1)]
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

// story is what happened to one node.
type story struct {
	sick, created, acted time.Time
	writes               []time.Time // of kube-remedy, about the node or its Remediation
	events               int
}

// readReaction looks up in the audit log what happened to these nodes.
func (w *world) readReaction(b *board, nodes []string) (r reaction, err error) {
	log, err := w.AuditEvents("")
	if err != nil {
		return r, err
	}
	stories := map[string]*story{}
	for _, node := range nodes {
		stories[node] = &story{}
	}
	for _, event := range log {
		if event.ObjectRef == nil || event.ResponseStatus == nil || event.ResponseStatus.Code >= 300 {
			continue
		}
		if s := stories[nodeOf(event, b)]; s != nil {
			s.add(event)
		}
	}
	var begin, end time.Time
	for node, s := range stories {
		if s.sick.IsZero() || s.created.IsZero() || s.acted.IsZero() {
			return r, fmt.Errorf("the audit log lacks a part of what happened to %s: %+v", node, *s)
		}
		r.created = append(r.created, s.created.Sub(s.sick))
		r.acted = append(r.acted, s.acted.Sub(s.sick))
		until := 0
		for _, at := range s.writes {
			if !at.After(s.acted) {
				until++
			}
		}
		r.worstWrites = max(r.worstWrites, until)
		r.untilActed += float64(until) / float64(len(nodes))
		r.untilEnd += float64(len(s.writes)) / float64(len(nodes))
		r.events += float64(s.events) / float64(len(nodes))
		if begin.IsZero() || s.sick.Before(begin) {
			begin = s.sick
		}
		if s.acted.After(end) {
			end = s.acted
		}
	}
	slices.Sort(r.created)
	slices.Sort(r.acted)
	r.whole = end.Sub(begin)
	r.writeRate = rate(log, begin, end)
	return r, nil
}

// nodeOf is the node that a write is about, "" if none.
func nodeOf(event cluster.AuditEvent, b *board) string {
	switch event.ObjectRef.Resource {
	case "nodes":
		return event.ObjectRef.Name
	case "remediations":
		return b.targetOf(event.ObjectRef.Name)
	case "events": // named after what they are about
		about, _, _ := strings.Cut(event.ObjectRef.Name, ".")
		if node := b.targetOf(about); node != "" {
			return node
		}
		return about
	}
	return ""
}

func (s *story) add(event cluster.AuditEvent) {
	at := event.StageTimestamp
	switch {
	case strings.HasPrefix(event.UserAgent, symptomAgent):
		s.sick = event.RequestReceivedTimestamp
		return
	case event.User.Username != "system:serviceaccount:"+operator.Namespace+":"+operator.ServiceAccount:
		return
	case event.ObjectRef.Resource == "events":
		s.events++
		return
	case event.Verb == "delete":
		return
	case event.ObjectRef.Resource == "nodes" && s.acted.IsZero():
		s.acted = at
	case event.ObjectRef.Resource == "remediations" && event.Verb == "create":
		s.created = at
	}
	s.writes = append(s.writes, at)
}

// rate is how many writes of anybody the server answered per second.
func rate(log []cluster.AuditEvent, begin, end time.Time) float64 {
	n := 0
	for _, event := range log {
		if !event.StageTimestamp.Before(begin) && !event.StageTimestamp.After(end) {
			n++
		}
	}
	return float64(n) / max(end.Sub(begin).Seconds(), 1e-9)
}
