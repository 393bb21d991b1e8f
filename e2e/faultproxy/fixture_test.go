package faultproxy_test

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kube-remedy/kube-remedy/e2e/cluster/pki"
	"github.com/kube-remedy/kube-remedy/e2e/faultproxy"
)

// patience bounds every wait of these tests; none of them waits that long unless it fails.
const patience = 20 * time.Second

// A fixture is a client, a proxy and a server behind it.
type fixture struct {
	*faultproxy.Proxy
	t      *testing.T
	client *http.Client

	mu   sync.Mutex
	seen []string // "METHOD uri body" of each request that the server got
}

func newFixture(t *testing.T, handler http.HandlerFunc) *fixture {
	t.Helper()
	authority, err := pki.NewAuthority("test")
	must(t, err)
	f := &fixture{t: t}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.mu.Lock()
		f.seen = append(f.seen, r.Method+" "+r.URL.RequestURI()+" "+string(body))
		f.mu.Unlock()
		handler(w, r)
	}))
	pair, err := authority.IssueServer("server", "127.0.0.1")
	must(t, err)
	certificate, err := pair.TLS()
	must(t, err)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.StartTLS()
	f.Proxy, err = faultproxy.Start(faultproxy.Options{Upstream: server.URL, Authority: authority})
	must(t, err)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authority.Pool()}, DisableKeepAlives: true}
	f.client = &http.Client{Transport: transport, Timeout: patience}
	t.Cleanup(func() {
		f.Proxy.Close()
		transport.CloseIdleConnections()
		server.CloseClientConnections()
		server.Close()
	})
	return f
}

// send makes a request and reads the whole answer.
func (f *fixture) send(method, path, body string) (code int, text string, err error) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, f.URL()+path, strings.NewReader(body))
	must(f.t, err)
	response, err := f.client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	all, err := io.ReadAll(response.Body)
	return response.StatusCode, string(all), err
}

func (f *fixture) served() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string{}, f.seen...)
}

func (f *fixture) expectServed(want ...string) {
	f.t.Helper()
	if got := f.served(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		f.t.Errorf("the server saw %q, want %q", got, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func waitFor(t *testing.T, what string, event <-chan struct{}) {
	t.Helper()
	select {
	case <-event:
	case <-time.After(patience):
		t.Fatal("waited in vain for: " + what)
	}
}

func ok(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "done") }
