package faultproxy

import (
	"net/http"
	"regexp"
	"slices"
	"time"
)

// A Rule says what happens to some requests. Of several rules that match a request, the one that was added first
// is applied.
type Rule struct {
	Name  string // for the record and the control interface
	Match Match
	Fault Fault

	// Hooks are called on the goroutine of the request, which waits for them: what a hook does has happened
	// before the request goes on. A test that kills a client in BeforeForward and also sets Fault.CutBefore
	// knows that the server never saw the request.
	BeforeForward func(*Request)                 // before the fault and before the server sees anything
	AfterAnswer   func(*Request, *http.Response) // the server has answered, the client does not know yet
	AfterDelivery func(*Request, *http.Response) // the client was sent the whole answer
}

// A Match selects requests; what is left zero does not narrow.
type Match struct {
	Methods []string
	Path    *regexp.Regexp // searched in path and query
	NotPath *regexp.Regexp
	Writes  bool // only those with IsWrite
	Watches bool // only those with IsWatch
	// Predicate narrows further.
	Predicate func(*Request) bool
	// Nth is the only occurrence that the rule applies to, counted from 1 from when the rule was added. Every
	// request that matches otherwise counts, also one that another rule took.
	Nth int
}

func (m *Match) selects(r *Request) bool {
	return (len(m.Methods) == 0 || slices.Contains(m.Methods, r.Method)) &&
		(m.Path == nil || m.Path.MatchString(r.URI)) &&
		(m.NotPath == nil || !m.NotPath.MatchString(r.URI)) &&
		(!m.Writes || r.IsWrite()) &&
		(!m.Watches || r.IsWatch()) &&
		(m.Predicate == nil || m.Predicate(r))
}

// A Fault is done to a request in the order of the fields. The zero value forwards it unharmed.
type Fault struct {
	Delay time.Duration
	// Freeze keeps the request until the rule is removed, the client gives up or the proxy closes.
	Freeze bool
	// CutBefore closes the client's connection; the server never sees the request.
	CutBefore bool
	// Answer is given instead of the server's; the server never sees the request.
	Answer *Answer
	// CutAfter lets the server do the work and closes the client's connection without an answer.
	CutAfter bool
	// CutStreamAfter closes the client's connection after so many bytes of the answer's body.
	CutStreamAfter *int64
	// FreezeStreamAfter sends nothing more after so many bytes of the body, with the connection left open, until
	// the rule is removed, the client gives up or the proxy closes.
	FreezeStreamAfter *int64
	// Trickle lets no more than so many bytes of the body through in a second.
	Trickle int64
	// Events is done to the events of a watch, which then come in batches.
	Events EventFault
}

// An Answer is a made-up response.
type Answer struct {
	Status int               `json:"status"`
	Header map[string]string `json:"header,omitempty"`
	Body   string            `json:"body,omitempty"`
}

// Bytes is a pointer to a number of bytes, for a Fault.
func Bytes(n int64) *int64 { return &n }

// TooManyRequests is the API server's 429, with Retry-After in seconds.
func TooManyRequests(retryAfter string) *Answer {
	answer := failure(http.StatusTooManyRequests, "TooManyRequests", "too many requests, please try again later")
	answer.Header["Retry-After"] = retryAfter
	return answer
}

// InternalError is the API server's 500.
func InternalError() *Answer {
	return failure(http.StatusInternalServerError, "InternalError", "an error made up by a test")
}

// Expired is the API server's 410 for a resourceVersion that is too old.
func Expired() *Answer {
	return failure(http.StatusGone, "Expired", "The resourceVersion for the provided watch is too old.")
}

// Conflict is the API server's 409 for an outdated resourceVersion.
func Conflict() *Answer {
	return failure(http.StatusConflict, "Conflict", "the object has been modified; please apply your changes to the latest version and try again")
}

// NoStreamingLists is the API server's 422 for a watch that is to begin with a list, where it does not know that.
func NoStreamingLists() *Answer {
	return failure(http.StatusUnprocessableEntity, "Invalid",
		`ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled`)
}
