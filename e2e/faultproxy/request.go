package faultproxy

import (
	"net/http"
	"net/url"
	"strings"
)

// A Request is what predicates, hooks and the record see of a client's request. They must not change it.
type Request struct {
	Method string
	URI    string // path and query, as sent
	Path   string
	Query  url.Values
	Header http.Header
	Body   []byte // of mutating requests; others pass through unread
}

// IsMutating tells whether the request asks for a change.
func (r *Request) IsMutating() bool {
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		return true
	}
	return false
}

// IsWatch tells whether the answer is a stream of watch events.
func (r *Request) IsWatch() bool {
	watch := r.Query.Get("watch")
	return r.Method == http.MethodGet && (watch == "true" || watch == "1")
}

// IsStreamingList tells the watches that begin with a list.
func (r *Request) IsStreamingList() bool {
	return r.IsWatch() && r.Query.Get("sendInitialEvents") != ""
}

// IsDryRun tells whether the server only pretends.
func (r *Request) IsDryRun() bool { return r.Query.Get("dryRun") != "" }

// IsLease tells whether the request is about a Lease: leader election writes them all the time.
func (r *Request) IsLease() bool {
	return strings.HasPrefix(r.Path, "/apis/coordination.k8s.io/")
}

// IsQuestion tells whether a POST only asks something, as access and token reviews do.
func (r *Request) IsQuestion() bool {
	return strings.HasPrefix(r.Path, "/apis/authorization.k8s.io/") || strings.HasPrefix(r.Path, "/apis/authentication.k8s.io/")
}

// IsWrite tells whether the request changes objects of interest: mutating, and no lease, dry run or question.
func (r *Request) IsWrite() bool {
	return r.IsMutating() && !r.IsLease() && !r.IsDryRun() && !r.IsQuestion()
}
