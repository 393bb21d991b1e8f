package cases

import (
	"strings"
	"testing"
)

func TestPluginShowsPausesAndCancels(t *testing.T) {
	const ns = "plugin"
	w, r := startGated(t, ns)

	if got := w.Kubectl(t, "", "remedy", "status", "--policy", ns); !strings.Contains(got, r.Name) || !strings.Contains(got, "DaemonSet plugin/d") {
		t.Errorf("the table does not show the remediation:\n%s", got)
	}
	story := w.Kubectl(t, "", "remedy", "status", r.Name)
	at := 0
	for _, sentence := range []string{
		"DaemonSet plugin/d: Running", "trigger marked holds", "detected", "phase Running", "remedy cure begins",
		"cure step 1 setEnv: begins", "cure step 1 setEnv: Patch DaemonSet plugin/d: Applied", "cure step 1 setEnv: Succeeded",
		"cure step 2 waitFor: begins",
	} {
		next := strings.Index(story[at:], sentence)
		if next < 0 {
			t.Fatalf("%q is missing, or out of order, in\n%s", sentence, story)
		}
		at += next
	}

	if got := w.Kubectl(t, "", "remedy", "pause", ns); got != "remediationpolicy/plugin is paused\n" {
		t.Errorf("pause said %q", got)
	}
	if got := w.Kubectl(t, "", "remedy", "cancel", r.Name); !strings.Contains(got, "remediation/"+r.Name+": Cancelled, ") {
		t.Errorf("cancel said %q", got)
	}
	wantEnd(t, w.AwaitPhase(t, ns, "Cancelled"), "CancelRequested")
	if got := w.Kubectl(t, "", "remedy", "resume", ns); got != "remediationpolicy/plugin is not paused\n" {
		t.Errorf("resume said %q", got)
	}
	w.WantPatches(t, ns, 1)
}
