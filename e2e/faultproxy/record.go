package faultproxy

import (
	"sync"
	"time"
)

// An Outcome says how a request ended for the client.
type Outcome string

const (
	Pending   Outcome = "Pending"   // still under way
	Delivered Outcome = "Delivered" // the server's answer was sent to the client, or is about to be
	MadeUp    Outcome = "MadeUp"    // a rule answered; the server never saw the request
	CutBefore Outcome = "CutBefore" // the connection was cut; the server never saw the request
	CutAfter  Outcome = "CutAfter"  // the server answered, and the client did not get to know
	Broken    Outcome = "Broken"    // the server did not answer, as while it restarts
)

// A Record is one mutating request.
type Record struct {
	Sequence int       `json:"sequence"` // from 1, in the order of arrival
	Method   string    `json:"method"`
	URI      string    `json:"uri"`
	Code     int       `json:"code"` // of the server or the rule; 0 without an answer
	Outcome  Outcome   `json:"outcome"`
	Rule     string    `json:"rule,omitempty"` // the name of the rule that was applied
	DryRun   bool      `json:"dryRun,omitempty"`
	Lease    bool      `json:"lease,omitempty"`
	Write    bool      `json:"write"` // as Request.IsWrite
	Received time.Time `json:"received"`
	Answered time.Time `json:"answered,omitzero"` // zero without an answer
	Body     []byte    `json:"-"`
}

// journal keeps the records. It is safe for concurrent use.
type journal struct {
	mu      sync.Mutex
	records []*Record
	last    int // the highest sequence number
}

// open notes a request that arrived. It returns nil for one that is not recorded.
func (j *journal) open(r *Request, rule *Handle) *Record {
	if !r.IsMutating() {
		return nil
	}
	record := &Record{
		Method:   r.Method,
		URI:      r.URI,
		Outcome:  Pending,
		DryRun:   r.IsDryRun(),
		Lease:    r.IsLease(),
		Write:    r.IsWrite(),
		Received: time.Now(),
		Body:     r.Body,
	}
	if rule != nil {
		record.Rule = rule.rule.Name
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last++
	record.Sequence = j.last
	j.records = append(j.records, record)
	return record
}

func (j *journal) answered(record *Record, code int, outcome Outcome) {
	j.update(record, func(r *Record) { r.Code, r.Answered, r.Outcome = code, time.Now(), outcome })
}

func (j *journal) close(record *Record, outcome Outcome) {
	j.update(record, func(r *Record) { r.Outcome = outcome })
}

func (j *journal) update(record *Record, change func(*Record)) {
	if record == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	change(record)
}

// list returns copies of the records that the condition selects.
func (j *journal) list(condition func(*Record) bool) []Record {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := []Record{}
	for _, record := range j.records {
		if condition(record) {
			out = append(out, *record)
		}
	}
	return out
}

func (j *journal) clear() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.records, j.last = nil, 0
}
