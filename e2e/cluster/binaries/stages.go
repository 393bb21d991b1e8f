package binaries

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

const stagesFile = "kwok.yaml"

// stageSources are kwok's own stages for nodes and pods that become ready at once, and for nodes that renew
// their lease: the content of kustomize/stage/fast, without needing kustomize to read it.
var stageSources = []string{
	"node/fast/node-initialize.yaml",
	"node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
	"pod/fast/pod-ready.yaml",
	"pod/fast/pod-complete.yaml",
	"pod/fast/pod-delete.yaml",
}

// writeStages joins the stages that the kwok module ships into one file, the form "kwok --config" takes.
func (l *layout) writeStages(ctx context.Context) error {
	out, err := l.goCommand(ctx, Kwok.recipe().wrapper, "list", "-m", "-json", kwokModule).Output()
	if err != nil {
		return fmt.Errorf("finding the kwok module: %w", err)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		return fmt.Errorf("finding the kwok module: %w", err)
	}
	var all bytes.Buffer
	for _, name := range stageSources {
		text, err := os.ReadFile(filepath.Join(module.Dir, "kustomize", "stage", name))
		if err != nil {
			return err
		}
		all.WriteString("---\n")
		all.Write(bytes.TrimSpace(text))
		all.WriteString("\n")
	}
	temporary := filepath.Join(l.target, ".build-"+stagesFile)
	if err := os.WriteFile(temporary, all.Bytes(), 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, filepath.Join(l.target, stagesFile))
}
