package faultproxy_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/kube-remedy/kube-remedy/e2e/faultproxy"
)

func TestHooksRunAtTheirMoments(t *testing.T) {
	var order []string // each step happens before the next one begins
	f := newFixture(t, func(w http.ResponseWriter, r *http.Request) {
		order = append(order, "served")
		ok(w, r)
	})
	delivered := make(chan struct{})
	f.Add(faultproxy.Rule{
		BeforeForward: func(r *faultproxy.Request) { order = append(order, "before "+string(r.Body)) },
		AfterAnswer:   func(_ *faultproxy.Request, a *http.Response) { order = append(order, "answered "+a.Status) },
		AfterDelivery: func(*faultproxy.Request, *http.Response) { close(delivered) },
	})
	_, text, err := f.send(http.MethodPost, "/", "x")
	must(t, err)
	waitFor(t, "AfterDelivery", delivered)
	if got, want := strings.Join(append(order, text), ", "), "before x, served, answered 200 OK, done"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAWriteIsCarriedThroughWhenItsClientDies(t *testing.T) {
	served := make(chan struct{})
	f := newFixture(t, func(w http.ResponseWriter, r *http.Request) { ok(w, r); close(served) })
	// The hook stands for kill -9 of the client while its request is under way.
	f.Add(faultproxy.Rule{BeforeForward: func(*faultproxy.Request) { f.CutConnections() }})
	if _, _, err := f.send(http.MethodPost, "/", "x"); err == nil {
		t.Error("the client got an answer")
	}
	waitFor(t, "the write", served)
	f.expectServed("POST / x")
}

func TestTheControlInterface(t *testing.T) {
	f := newFixture(t, ok)
	control := httptest.NewServer(f.ControlHandler())
	defer control.Close()
	call := func(method, path, body string) (int, string) {
		request, err := http.NewRequest(method, control.URL+path, strings.NewReader(body))
		must(t, err)
		response, err := control.Client().Do(request)
		must(t, err)
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		must(t, err)
		return response.StatusCode, string(text)
	}
	for body, complaint := range map[string]string{
		`{}`:                                 "needs a name",
		`{"name":"x","path":"("}`:            "path",
		`{"name":"x","delay":"fast"}`:        "delay",
		`{"name":"x","answer":{"status":7}}`: "answer.status",
		`{"name":"x","wrong":true}`:          "wrong",
	} {
		if code, text := call(http.MethodPost, "/rules", body); code != 400 || !strings.Contains(text, complaint) {
			t.Errorf("%s: got %d %q, want a complaint about %q", body, code, text, complaint)
		}
	}
	if code, text := call(http.MethodPost, "/rules", `{"name":"busy","methods":["PUT"],"answer":{"status":503,"body":"no"}}`); code != 201 {
		t.Fatalf("adding a rule: %d %s", code, text)
	}
	if code, text, _ := f.send(http.MethodPut, "/a", ""); code != 503 || text != "no" {
		t.Errorf("got %d %q, want the made-up answer", code, text)
	}
	_, text := call(http.MethodGet, "/records?writes=1", "")
	var records []faultproxy.Record
	must(t, json.NewDecoder(bytes.NewBufferString(text)).Decode(&records))
	if len(records) != 1 || records[0].Code != 503 || records[0].Rule != "busy" {
		t.Errorf("records: %s", text)
	}
	if code, _ := call(http.MethodDelete, "/rules/busy", ""); code != 200 {
		t.Errorf("removing the rule: %d", code)
	}
	if code, _ := call(http.MethodDelete, "/rules/busy", ""); code != 404 {
		t.Errorf("removing it again: %d", code)
	}
	if code, _, _ := f.send(http.MethodPut, "/a", ""); code != 200 {
		t.Errorf("without the rule: %d", code)
	}
}
