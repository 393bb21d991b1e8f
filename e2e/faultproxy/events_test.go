package faultproxy_test

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/kube-remedy/kube-remedy/e2e/faultproxy"
)

func TestEventsOfAWatchAreDisturbed(t *testing.T) {
	line := func(kind, name, version string) string {
		return fmt.Sprintf(`{"type":%q,"object":{"metadata":{"namespace":"n","name":%q,"resourceVersion":%q}}}`+"\n", kind, name, version)
	}
	sent := []string{line("ADDED", "a", "1"), line("ADDED", "b", "2"), line("MODIFIED", "a", "3"), line("DELETED", "b", "4")}
	bookmark := line("BOOKMARK", "", "5")
	list := line("ADDED", "c", "0") + line("ADDED", "d", "0") + line("BOOKMARK", "", "0")
	for fault, check := range map[faultproxy.EventFault]func([]string) bool{
		faultproxy.Dropped:  func(got []string) bool { return slices.Equal(got, sent[1:3]) },
		faultproxy.Merged:   func(got []string) bool { return slices.Equal(got, sent[2:]) },
		faultproxy.Repeated: func(got []string) bool { return slices.Equal(got, append(slices.Clone(sent), sent...)) },
		faultproxy.Reordered: func(got []string) bool {
			at := func(n int) int { return slices.Index(got, sent[n]) }
			return len(got) == 4 && at(0) >= 0 && at(0) < at(2) && at(1) >= 0 && at(1) < at(3)
		},
	} {
		t.Run(string(fault), func(t *testing.T) {
			events := make(chan string)
			f := newFixture(t, watchServer(events))
			rule := f.Add(faultproxy.Rule{Match: faultproxy.Match{Watches: true}, Fault: faultproxy.Fault{Events: fault}})
			defer rule.Remove()
			response := f.watch("&sendInitialEvents=true")
			go func() {
				for _, event := range slices.Concat([]string{list}, sent, []string{bookmark}) {
					events <- event
				}
				close(events)
			}()
			all, err := io.ReadAll(response.Body)
			must(t, err)
			all, listed := bytes.CutPrefix(all, []byte(list))
			if !listed {
				t.Error("the list is not as it was sent")
			}
			got := strings.SplitAfter(strings.TrimSuffix(string(all), bookmark), "\n")
			got = got[:len(got)-1]
			if !strings.HasSuffix(string(all), bookmark) || !check(got) {
				t.Errorf("got %q", got)
			}
		})
	}
}
