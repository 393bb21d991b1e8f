package faultproxy_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kube-remedy/kube-remedy/e2e/faultproxy"
)

// watchServer streams what a test puts into events, each at once, until the channel is closed.
func watchServer(events <-chan string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).Flush()
		for {
			select {
			case event, more := <-events:
				if !more {
					return
				}
				io.WriteString(w, event)
				http.NewResponseController(w).Flush()
			case <-r.Context().Done():
				return
			}
		}
	}
}

func (f *fixture) watch(query ...string) *http.Response {
	f.t.Helper()
	response, err := f.client.Get(f.URL() + "/api/v1/pods?watch=true" + strings.Join(query, ""))
	must(f.t, err)
	f.t.Cleanup(func() { response.Body.Close() })
	return response
}

func expectNext(t *testing.T, response *http.Response, want string) {
	t.Helper()
	got := make([]byte, len(want))
	_, err := io.ReadFull(response.Body, got)
	must(t, err)
	if string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAWatchIsPassedOnAsItComes(t *testing.T) {
	events := make(chan string)
	f := newFixture(t, watchServer(events))
	response := f.watch() // returns before there is any event
	for _, event := range []string{"first\n", "second\n"} {
		events <- event // the next one is sent only after this one was read: nothing is held back
		expectNext(t, response, event)
	}
	close(events)
	if _, err := response.Body.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("a watch that the server ends gives %v, want EOF", err)
	}
}

func TestAWatchIsCutAtTheByte(t *testing.T) {
	for _, n := range []int64{0, 1, 7, 12} {
		events := make(chan string, 1)
		events <- "first\nsecond\n"
		f := newFixture(t, watchServer(events))
		f.Add(faultproxy.Rule{Match: faultproxy.Match{Watches: true, Nth: 1}, Fault: faultproxy.Fault{CutStreamAfter: faultproxy.Bytes(n)}})
		got, err := io.ReadAll(f.watch().Body)
		if err == nil || int64(len(got)) != n {
			t.Errorf("cut after %d: got %q and %v", n, got, err)
		}
	}
}

func TestACutOfTheServerIsACutForTheClient(t *testing.T) {
	f := newFixture(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "half")
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	got, err := io.ReadAll(f.watch().Body)
	if err == nil || string(got) != "half" {
		t.Errorf("got %q and %v, want half and an error", got, err)
	}
	if _, _, err := f.send(http.MethodPost, "/", ""); err == nil {
		t.Error("a write whose answer broke off got a regular answer")
	}
	if records := f.Records(); records[0].Outcome != faultproxy.Broken {
		t.Errorf("recorded %+v", records)
	}
}

func TestAFrozenStreamGoesOnWhenTheRuleIsRemoved(t *testing.T) {
	events := make(chan string, 1)
	events <- "first\nsecond\n"
	f := newFixture(t, watchServer(events))
	rule := f.Add(faultproxy.Rule{Fault: faultproxy.Fault{FreezeStreamAfter: faultproxy.Bytes(6)}})
	response := f.watch()
	expectNext(t, response, "first\n")
	next := make(chan byte, 1)
	go func() {
		one := make([]byte, 1)
		io.ReadFull(response.Body, one)
		next <- one[0]
	}()
	select {
	case got := <-next:
		t.Fatalf("the frozen stream delivered %q", got)
	case <-time.After(50 * time.Millisecond): // a negative can only be watched for a while
	}
	rule.Remove()
	select {
	case got := <-next:
		if got != 's' {
			t.Errorf("the stream went on with %q", got)
		}
	case <-time.After(patience):
		t.Error("the stream stayed frozen without the rule")
	}
}

func TestAFrozenRequestEndsWithItsClientItsRuleOrTheProxy(t *testing.T) {
	f := newFixture(t, ok)
	freeze := func() *faultproxy.Handle { return f.Add(faultproxy.Rule{Fault: faultproxy.Fault{Freeze: true}}) }
	send := func() <-chan error {
		done := make(chan error, 1)
		go func() {
			_, _, err := f.send(http.MethodPost, "/", "x")
			done <- err
		}()
		return done
	}

	rule := freeze()
	done := send()
	waitFor(t, "the request", rule.Fired())
	rule.Remove()
	if err := <-done; err != nil {
		t.Errorf("after the rule was removed: %v", err)
	}

	rule = freeze()
	done = send()
	waitFor(t, "the request", rule.Fired())
	f.CutConnections()
	if err := <-done; err == nil {
		t.Error("a frozen request whose connection was cut got an answer")
	}
	rule.Remove()

	rule = freeze()
	done = send()
	waitFor(t, "the request", rule.Fired())
	f.Close()
	if err := <-done; err == nil {
		t.Error("a frozen request got an answer from a closed proxy")
	}
	f.expectServed("POST / x")
}
