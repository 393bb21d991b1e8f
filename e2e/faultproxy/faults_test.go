package faultproxy_test

import (
	"io"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/kube-remedy/kube-remedy/e2e/faultproxy"
)

func TestWithoutRulesEverythingPassesUnchanged(t *testing.T) {
	var token, agent, encoding string
	f := newFixture(t, func(w http.ResponseWriter, r *http.Request) {
		token, agent, encoding = r.Header.Get("Authorization"), r.UserAgent(), r.Header.Get("Accept-Encoding")
		w.Header().Set("X-Answer", "yes")
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, "made")
	})
	request, err := http.NewRequest(http.MethodGet, f.URL()+"/a%2Fb?x=1&x=2", nil)
	must(t, err)
	request.Header.Set("Authorization", "Bearer secret")
	request.Header.Set("Accept-Encoding", "identity")
	request.Header.Set("User-Agent", "kube-remedy/test")
	response, err := f.client.Do(request)
	must(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(t, err)
	if response.StatusCode != http.StatusCreated || string(body) != "made" || response.Header.Get("X-Answer") != "yes" {
		t.Errorf("got %s %q %v", response.Status, body, response.Header)
	}
	if token != "Bearer secret" || agent != "kube-remedy/test" || encoding != "identity" {
		t.Errorf("the server got token %q, agent %q, encoding %q", token, agent, encoding)
	}
	f.expectServed("GET /a%2Fb?x=1&x=2 ")
}

func TestFaultsOfAWrite(t *testing.T) {
	for name, test := range map[string]struct {
		fault   faultproxy.Fault
		code    int // 0: the client sees a cut
		served  bool
		outcome faultproxy.Outcome
	}{
		"none":       {faultproxy.Fault{}, 200, true, faultproxy.Delivered},
		"delay":      {faultproxy.Fault{Delay: time.Millisecond}, 200, true, faultproxy.Delivered},
		"cut before": {faultproxy.Fault{CutBefore: true}, 0, false, faultproxy.CutBefore},
		"cut after":  {faultproxy.Fault{CutAfter: true}, 0, true, faultproxy.CutAfter},
		"answer":     {faultproxy.Fault{Answer: faultproxy.TooManyRequests("7")}, 429, false, faultproxy.MadeUp},
		"conflict":   {faultproxy.Fault{Answer: faultproxy.Conflict()}, 409, false, faultproxy.MadeUp},
		"500":        {faultproxy.Fault{Answer: faultproxy.InternalError()}, 500, false, faultproxy.MadeUp},
		"half":       {faultproxy.Fault{CutStreamAfter: faultproxy.Bytes(2)}, 200, true, faultproxy.CutAfter},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, ok)
			rule := f.Add(faultproxy.Rule{Name: name, Fault: test.fault})
			code, _, err := f.send(http.MethodPatch, "/api/v1/nodes/a", "{}")
			if code != test.code {
				t.Errorf("the client got %d (%v), want %d", code, err, test.code)
			}
			if delivered := err == nil; delivered != (test.outcome == faultproxy.Delivered || test.outcome == faultproxy.MadeUp) {
				t.Errorf("the client got the error %v", err)
			}
			if served := len(f.served()) == 1; served != test.served {
				t.Errorf("the server saw %q", f.served())
			}
			records := f.Records()
			if len(records) != 1 || records[0].Outcome != test.outcome || records[0].Rule != name || string(records[0].Body) != "{}" {
				t.Errorf("recorded %+v", records)
			}
			if rule.Applied() != 1 {
				t.Errorf("the rule was applied %d times", rule.Applied())
			}
		})
	}
}

func TestARetryAfterHeaderReachesTheClient(t *testing.T) {
	f := newFixture(t, ok)
	f.Add(faultproxy.Rule{Fault: faultproxy.Fault{Answer: faultproxy.TooManyRequests("7")}})
	response, err := f.client.Get(f.URL())
	must(t, err)
	response.Body.Close()
	if got := response.Header.Get("Retry-After"); got != "7" {
		t.Errorf("Retry-After is %q", got)
	}
}

func TestTheNthOccurrenceOfAMatch(t *testing.T) {
	f := newFixture(t, ok)
	f.Add(faultproxy.Rule{
		Match: faultproxy.Match{
			Methods:   []string{http.MethodPut, http.MethodPatch},
			Path:      regexp.MustCompile("^/apis/apps/"),
			NotPath:   regexp.MustCompile("/status$"),
			Predicate: func(r *faultproxy.Request) bool { return string(r.Body) != "ignored" },
			Nth:       2,
		},
		Fault: faultproxy.Fault{Answer: faultproxy.Conflict()},
	})
	for i, step := range []struct {
		method, path, body string
		code               int
	}{
		{http.MethodPut, "/apis/apps/x", "", 200},        // the first
		{http.MethodPost, "/apis/apps/x", "", 200},       // another method
		{http.MethodPut, "/api/v1/x", "", 200},           // another path
		{http.MethodPut, "/apis/apps/x/status", "", 200}, // a path that is left out
		{http.MethodPut, "/apis/apps/x", "ignored", 200}, // the predicate says no
		{http.MethodPatch, "/apis/apps/y", "", 409},      // the second
		{http.MethodPatch, "/apis/apps/y", "", 200},      // the third
	} {
		code, _, err := f.send(step.method, step.path, step.body)
		must(t, err)
		if code != step.code {
			t.Errorf("step %d: got %d, want %d", i, code, step.code)
		}
	}
}

func TestTheFirstRuleWinsAndBothCount(t *testing.T) {
	f := newFixture(t, ok)
	first := f.Add(faultproxy.Rule{Match: faultproxy.Match{Nth: 1}, Fault: faultproxy.Fault{Answer: faultproxy.Conflict()}})
	f.Add(faultproxy.Rule{Match: faultproxy.Match{Nth: 2}, Fault: faultproxy.Fault{Answer: faultproxy.InternalError()}})
	for i, want := range []int{409, 500, 200} {
		if code, _, _ := f.send(http.MethodGet, "/", ""); code != want {
			t.Errorf("request %d: got %d, want %d", i+1, code, want)
		}
	}
	waitFor(t, "Fired", first.Fired())
	first.Remove()
	first.Remove()
	f.RemoveAll()
	if code, _, _ := f.send(http.MethodGet, "/", ""); code != 200 {
		t.Errorf("without rules: got %d", code)
	}
}

func TestTheRecordTellsWritesFromTheRest(t *testing.T) {
	f := newFixture(t, ok)
	for _, request := range [][2]string{
		{http.MethodGet, "/api/v1/nodes"},
		{http.MethodPut, "/apis/coordination.k8s.io/v1/namespaces/x/leases/leader"},
		{http.MethodPost, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"},
		{http.MethodPatch, "/api/v1/nodes/a?dryRun=All"},
		{http.MethodPatch, "/api/v1/nodes/a"},
		{http.MethodDelete, "/api/v1/nodes/a"},
	} {
		_, _, err := f.send(request[0], request[1], "")
		must(t, err)
	}
	if got := len(f.Records()); got != 5 {
		t.Errorf("%d records, want 5 (all but the GET)", got)
	}
	writes := f.Writes()
	if len(writes) != 2 || writes[0].Method != http.MethodPatch || writes[1].Method != http.MethodDelete || writes[0].Code != 200 {
		t.Errorf("writes: %+v", writes)
	}
	f.ClearRecords()
	if got := len(f.Records()); got != 0 {
		t.Errorf("%d records after ClearRecords", got)
	}
}
