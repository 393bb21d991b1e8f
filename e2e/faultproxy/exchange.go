package faultproxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"
)

const (
	// bodyLimit is above what an API server takes or answers to a write (about 3 MiB).
	bodyLimit = 16 << 20
	// writeLimit bounds a write at the server; API servers give up after 60 s themselves.
	writeLimit = 90 * time.Second
	chunk      = 32 << 10
)

// An exchange is one request on its way through the proxy.
type exchange struct {
	proxy   *Proxy
	client  http.ResponseWriter
	raw     *http.Request
	request *Request
	handle  *Handle // the rule to apply, or nil
	rule    Rule    // its rule, or the zero rule
	record  *Record // nil if it is not recorded
}

func (p *Proxy) serve(w http.ResponseWriter, raw *http.Request) {
	if !p.enter() {
		return
	}
	defer p.requests.Done()
	x := &exchange{proxy: p, client: w, raw: raw}
	if raw.Header.Get("Upgrade") != "" {
		http.Error(w, "the fault proxy does not pass upgrades on", http.StatusNotImplemented)
		return
	}
	if err := x.read(); err != nil {
		x.cut()
		return
	}
	x.arrive()
	outcome := x.run()
	p.journal.close(x.record, outcome)
	if outcome != Delivered && outcome != MadeUp {
		x.cut()
	}
}

// arrive counts the request, in the rules and in the record in one step: the n-th write of a rule is the n-th of
// the record.
func (x *exchange) arrive() {
	x.proxy.arrival.Lock()
	defer x.proxy.arrival.Unlock()
	x.handle = x.proxy.rules.take(x.request)
	if x.handle != nil {
		x.rule = x.handle.rule
	}
	x.record = x.proxy.journal.open(x.request, x.handle)
}

// read takes in what rules look at. The body of a write is read now, so that it reaches the server whole or not
// at all.
func (x *exchange) read() error {
	x.request = &Request{
		Method: x.raw.Method,
		URI:    x.raw.URL.RequestURI(),
		Path:   x.raw.URL.Path,
		Query:  x.raw.URL.Query(),
		Header: x.raw.Header,
	}
	if !x.request.IsMutating() {
		return nil
	}
	var err error
	x.request.Body, err = io.ReadAll(http.MaxBytesReader(x.client, x.raw.Body, bodyLimit))
	return err
}

// run returns how the exchange ended. The caller cuts the connection where that is the end.
func (x *exchange) run() Outcome {
	if x.rule.BeforeForward != nil {
		x.rule.BeforeForward(x.request)
	}
	fault := x.rule.Fault
	if !x.delay(fault.Delay) || fault.Freeze && !x.freeze() || fault.CutBefore {
		return CutBefore
	}
	if fault.Answer != nil {
		x.proxy.journal.answered(x.record, fault.Answer.Status, MadeUp)
		fault.Answer.write(x.client)
		return MadeUp
	}
	response, release, err := x.forward()
	if err != nil {
		return Broken
	}
	defer release()
	body, err := x.answerBody(response)
	if err != nil {
		return Broken
	}
	// The answer is in the record before the client has it, so that a test that saw the one finds the other.
	x.proxy.journal.answered(x.record, response.StatusCode, Delivered)
	if x.rule.AfterAnswer != nil {
		x.rule.AfterAnswer(x.request, response)
	}
	if fault.CutAfter {
		return CutAfter
	}
	outcome := x.deliver(response, body)
	if outcome == Delivered && x.rule.AfterDelivery != nil {
		x.rule.AfterDelivery(x.request, response)
	}
	return outcome
}

// delay waits; it is false if the proxy closed. A client that goes away does not end it: what was sent into a
// slow network arrives nevertheless.
func (x *exchange) delay(d time.Duration) bool {
	if d == 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-x.proxy.ctx.Done():
		return false
	}
}

// freeze waits until the rule is removed; it is false if the client or the proxy gave up before.
func (x *exchange) freeze() bool {
	select {
	case <-x.handle.removed:
		return true
	case <-x.raw.Context().Done():
	case <-x.proxy.ctx.Done():
	}
	return false
}

// forward sends the request to the server and returns when its headers are there; release ends the exchange.
func (x *exchange) forward() (response *http.Response, release func(), err error) {
	ctx, cancel := x.upstreamContext()
	defer func() {
		if err != nil {
			cancel()
		}
	}()
	target := *x.raw.URL
	target.Scheme, target.Host = x.proxy.upstream.Scheme, x.proxy.upstream.Host
	var body io.Reader = x.raw.Body
	switch {
	case x.raw.ContentLength == 0:
		body = nil // or it would be sent as an empty chunked body
	case x.request.IsMutating():
		body = bytes.NewReader(x.request.Body)
	}
	out, err := http.NewRequestWithContext(ctx, x.request.Method, target.String(), body)
	if err != nil {
		return nil, nil, err
	}
	out.Header = endToEnd(x.raw.Header)
	if out.Header.Get("User-Agent") == "" {
		out.Header.Set("User-Agent", "") // or the transport adds its own
	}
	response, err = x.proxy.transport.RoundTrip(out)
	if err != nil {
		return nil, nil, err
	}
	return response, func() { response.Body.Close(); cancel() }, nil
}

// upstreamContext ends with the proxy, and that of a read also with the client.
func (x *exchange) upstreamContext() (context.Context, context.CancelFunc) {
	if x.request.IsMutating() {
		return context.WithTimeout(x.proxy.ctx, writeLimit)
	}
	ctx, cancel := context.WithCancel(x.raw.Context())
	stop := context.AfterFunc(x.proxy.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// answerBody is what to stream to the client. The answer to a write is taken in whole and sent with its length:
// a client then has all of it when AfterDelivery is called, not all but the end of a chunked body.
func (x *exchange) answerBody(response *http.Response) (io.Reader, error) {
	if !x.request.IsMutating() {
		return response.Body, nil
	}
	whole, err := io.ReadAll(io.LimitReader(response.Body, bodyLimit))
	if len(whole) > 0 {
		response.Header.Set("Content-Length", strconv.Itoa(len(whole)))
	}
	return bytes.NewReader(whole), err
}

// deliver passes the answer on.
func (x *exchange) deliver(response *http.Response, body io.Reader) Outcome {
	for name, values := range endToEnd(response.Header) {
		x.client.Header()[name] = values
	}
	x.client.WriteHeader(response.StatusCode)
	err := x.stream(body)
	switch {
	case err == nil:
		return Delivered
	case errors.Is(err, errServerCut):
		return Broken
	default:
		return CutAfter
	}
}

// cut closes the client's connection as a network does.
func (x *exchange) cut() {
	connection, _, err := http.NewResponseController(x.client).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // it is closed already
	}
	abort(connection)
}
