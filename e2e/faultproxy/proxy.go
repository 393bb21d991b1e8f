// Package faultproxy is an HTTP/1.1 reverse proxy between a client and a Kubernetes API server that does wrong,
// on request, what networks and servers do wrong by chance. It ends TLS on both sides and passes the client's
// bearer token on, so that the server still sees the client's own identity; client certificates do not pass.
//
//	proxy, err := faultproxy.Start(faultproxy.Options{Upstream: c.URL(), Authority: c.Authority()})
//	defer proxy.Close()
//	lost := proxy.Add(faultproxy.Rule{
//		Match: faultproxy.Match{Writes: true, Nth: 2},
//		Fault: faultproxy.Fault{CutAfter: true},
//	})
//
// Guarantees: streams are passed on byte by byte as they come; a cut on one side becomes a cut on the other,
// never a regular end; a mutating request that was forwarded is carried through at the server even when its
// client is killed meanwhile.
//
// Caveats: no protocol upgrades (exec, port-forward).
package faultproxy

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"sync"

	"github.com/kube-remedy/kube-remedy/e2e/cluster/pki"
	"github.com/kube-remedy/kube-remedy/e2e/internal/ports"
)

// Options say what a proxy stands in front of.
type Options struct {
	// Upstream is the URL of the API server.
	Upstream string
	// Authority signed the API server's certificate, and signs the proxy's: clients need no other trust.
	Authority *pki.Authority
	// Listen is an address; left empty, a free port on the loopback interface.
	Listen string
}

// A Proxy runs until Close. Its methods are safe for concurrent use.
type Proxy struct {
	upstream  *url.URL
	transport *http.Transport
	server    *http.Server
	address   string
	port      *ports.Port // nil if the address was given
	rules     ruleSet
	journal   journal
	arrival   sync.Mutex // makes counting and recording one step

	ctx    context.Context // ends in Close
	cancel context.CancelFunc

	mu          sync.Mutex
	connections map[net.Conn]struct{} // of clients
	closing     bool
	requests    sync.WaitGroup
}

// Start makes a proxy that forwards everything unharmed until rules are added.
func Start(options Options) (*Proxy, error) {
	upstream, err := url.Parse(options.Upstream)
	if err != nil {
		return nil, err
	}
	p := &Proxy{
		upstream: upstream,
		transport: &http.Transport{
			TLSClientConfig:     &tls.Config{RootCAs: options.Authority.Pool()},
			MaxIdleConnsPerHost: 100,
			// Bytes pass as they are; a transport that unpacked them would change their number.
			DisableCompression: true,
		},
		address:     options.Listen,
		connections: map[net.Conn]struct{}{},
	}
	if p.address == "" {
		if p.port, err = ports.Reserve(); err != nil {
			return nil, err
		}
		p.address = p.port.Address()
	}
	if err := p.listen(options.Authority); err != nil {
		p.release()
		return nil, fmt.Errorf("starting a fault proxy on %s: %w", p.address, err)
	}
	return p, nil
}

func (p *Proxy) listen(authority *pki.Authority) error {
	host, _, err := net.SplitHostPort(p.address)
	if err != nil {
		return err
	}
	pair, err := authority.IssueServer("faultproxy", host, "127.0.0.1", "localhost")
	if err != nil {
		return err
	}
	certificate, err := pair.TLS()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", p.address)
	if err != nil {
		return err
	}
	p.address = listener.Addr().String()
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.server = &http.Server{
		Handler:   http.HandlerFunc(p.serve),
		ConnState: p.track,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"http/1.1"}},
		// HTTP/2 would multiplex requests, and a cut of one would be a cut of all.
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
		// Clients that are killed in a handshake are what this is for.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	go p.server.ServeTLS(listener, "", "")
	return nil
}

// URL is where clients connect.
func (p *Proxy) URL() string { return "https://" + p.address }

// Add puts a rule behind those that are there.
func (p *Proxy) Add(rule Rule) *Handle { return p.rules.add(rule) }

// RemoveAll takes all rules out.
func (p *Proxy) RemoveAll() { p.rules.remove(func(*Handle) bool { return true }) }

// Records returns all mutating requests so far, in the order of their arrival, leases and dry runs too.
func (p *Proxy) Records() []Record { return p.journal.list(func(*Record) bool { return true }) }

// Writes returns those that changed objects of interest: no leases, dry runs or access reviews. The n-th of them
// is what Match{Writes: true, Nth: n} means.
func (p *Proxy) Writes() []Record { return p.journal.list(func(r *Record) bool { return r.Write }) }

// ClearRecords forgets them; the next one has sequence 1.
func (p *Proxy) ClearRecords() { p.journal.clear() }

// CutConnections cuts every connection that clients have now, idle ones too.
func (p *Proxy) CutConnections() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for connection := range p.connections {
		abort(connection)
	}
}

// Close cuts all connections and returns when no request is under way. It may be called again.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closing = true
	p.mu.Unlock()
	p.cancel()
	p.server.Close()
	p.requests.Wait()
	p.transport.CloseIdleConnections()
	p.release()
}

func (p *Proxy) release() {
	if p.port != nil {
		p.port.Release()
	}
}

// enter admits a request unless the proxy is closing; Close waits for those that were admitted.
func (p *Proxy) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closing {
		p.requests.Add(1)
	}
	return !p.closing
}

func (p *Proxy) track(connection net.Conn, state http.ConnState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch state {
	case http.StateNew:
		p.connections[connection] = struct{}{}
	case http.StateClosed, http.StateHijacked:
		delete(p.connections, connection)
	}
}

// abort closes a connection without TLS's closing alert, as a network does.
func abort(connection net.Conn) {
	if encrypted, ok := connection.(*tls.Conn); ok {
		connection = encrypted.NetConn()
	}
	connection.Close()
}
