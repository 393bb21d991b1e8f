package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"

	_ "cel.dev/expr/conformance/proto2"
	_ "cel.dev/expr/conformance/proto3"
	"cel.dev/expr/conformance/test"
	"google.golang.org/protobuf/encoding/prototext"
)

// What our language leaves out: messages, and libraries that Kubernetes has not. Keys of type bytes
// fail in both, but cel-go already when it plans a program, where nothing can absorb the error.
var leftOut = regexp.MustCompile(`[A-Za-z]\s*\{|google\.protobuf\.\w*Value|math\.|base64\.|` +
	"`" + `|cel\.@?block|proto\.|\[dyn\(b|\.reverse\(\)`)

// conformance writes the expressions of cel-spec's conformance files in dir as questions: those
// that need no variables, no container and no types of their own. The oracle answers them like any
// others, so that Kubernetes' dialect counts and not only the specification.
func conformance(dir string, out io.Writer) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.textproto"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("no conformance files in %s", dir)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		var file test.SimpleTestFile
		if err := prototext.Unmarshal(text, &file); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for _, section := range file.Section {
			for _, t := range section.Test {
				if len(t.Bindings) > 0 || len(t.TypeEnv) > 0 || t.Container != "" || leftOut.MatchString(t.Expr) {
					continue
				}
				line, err := json.Marshal(question{Expression: t.Expr})
				if err != nil {
					return err
				}
				fmt.Fprintf(out, "%s\n", line)
			}
		}
	}
	return nil
}
