package faultproxy

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"slices"
	"time"
)

// An EventFault is what becomes of the events of a watch. They are kept for eventWindow and passed on together.
// A bookmark is never changed and never overtaken: before it, all is well. Nor is the list that a watch may begin
// with: a server that calls it whole has sent all of it.
type EventFault string

const (
	// Dropped loses one of three events, the first of each batch, for good: a client that goes on where it was never gets to know.
	Dropped EventFault = "Dropped"
	// Merged leaves of several events of an object only the last, as a list does that was read later.
	Merged EventFault = "Merged"
	// Repeated sends each event twice, the second time after those of other objects.
	Repeated EventFault = "Repeated"
	// Reordered mixes the events of different objects. Those of one object stay in their order.
	Reordered EventFault = "Reordered"
)

// eventWindow is how long events are kept.
const eventWindow = 150 * time.Millisecond

// A watchEvent is one line of a watch.
type watchEvent struct {
	line   []byte
	kind   string // ADDED, MODIFIED, DELETED, BOOKMARK, ERROR
	object string // its namespace and name
}

var eventFaults = map[EventFault]func([]watchEvent) []watchEvent{
	Dropped: func(events []watchEvent) []watchEvent {
		// Counted anew in each batch, and the first is lost too: most batches are of one event.
		n := -1
		return slices.DeleteFunc(events, func(watchEvent) bool { n++; return n%3 == 0 })
	},
	Merged: func(events []watchEvent) []watchEvent {
		last := map[string]int{}
		for i, e := range events {
			last[e.object] = i
		}
		n := -1
		return slices.DeleteFunc(events, func(e watchEvent) bool { n++; return last[e.object] != n })
	},
	Repeated: func(events []watchEvent) []watchEvent { return append(events, events...) },
	Reordered: func(events []watchEvent) []watchEvent {
		// Which object is the next is drawn; which of its events, is not.
		waiting := map[string][]watchEvent{}
		var objects []string
		for _, e := range events {
			waiting[e.object] = append(waiting[e.object], e)
			objects = append(objects, e.object)
		}
		rand.Shuffle(len(objects), func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
		for i, object := range objects {
			events[i], waiting[object] = waiting[object][0], waiting[object][1:]
		}
		return events
	},
}

// An eventReader reads a watch through an EventFault.
type eventReader struct {
	change  func([]watchEvent) []watchEvent
	listing bool // the list has not ended
	lines   chan []byte
	closed  chan struct{}
	ready   bytes.Buffer // what may be read
	err     error        // of the body; set before lines is closed
	ended   bool
}

func newEventReader(body io.Reader, listing bool, change func([]watchEvent) []watchEvent) *eventReader {
	r := &eventReader{change: change, listing: listing, lines: make(chan []byte), closed: make(chan struct{})}
	go r.pump(bufio.NewReader(body))
	return r
}

// pump reads lines. It ends when the body does: releasing the exchange closes it.
func (r *eventReader) pump(body *bufio.Reader) {
	defer close(r.lines)
	for {
		line, err := body.ReadBytes('\n')
		if err != nil {
			r.err = err
			return // what is left of a line is no event
		}
		select {
		case r.lines <- line:
		case <-r.closed:
			r.err = io.ErrClosedPipe
			return
		}
	}
}

// Close lets the pump end. It reads on until then no more than one line.
func (r *eventReader) Close() { close(r.closed) }

func (r *eventReader) Read(p []byte) (int, error) {
	for r.ready.Len() == 0 {
		if r.ended {
			return 0, r.err
		}
		r.collect()
	}
	return r.ready.Read(p)
}

// collect waits for an event, then for those that come within the window or until a bookmark.
func (r *eventReader) collect() {
	var events []watchEvent
	var window <-chan time.Time
	for {
		select {
		case line, ok := <-r.lines:
			if !ok {
				r.ended = true
				r.pass(events)
				return
			}
			event := parseEvent(line)
			known := event.kind == "ADDED" || event.kind == "MODIFIED" || event.kind == "DELETED"
			if !known || r.listing {
				r.pass(events)
				r.ready.Write(line)
				r.listing = r.listing && known // the first bookmark ends the list
				return
			}
			events = append(events, event)
			if window == nil {
				window = time.After(eventWindow)
			}
		case <-window:
			r.pass(events)
			return
		}
	}
}

func (r *eventReader) pass(events []watchEvent) {
	for _, event := range r.change(events) {
		r.ready.Write(event.line)
	}
}

func parseEvent(line []byte) watchEvent {
	var parsed struct {
		Type   string
		Object struct {
			Metadata struct{ Namespace, Name string }
		}
	}
	if json.Unmarshal(line, &parsed) != nil {
		return watchEvent{line: line} // no event: passed on as it is
	}
	return watchEvent{line, parsed.Type, parsed.Object.Metadata.Namespace + "/" + parsed.Object.Metadata.Name}
}
