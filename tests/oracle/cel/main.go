// Oracle answers what Kubernetes' own CEL environment says about an expression.
//
// Each line of standard input is {"expression": ..., "object": ..., "now": RFC 3339}; each line of
// standard output {"value": ...} or {"error": "compile"|"run", "message": ...}. Values are JSON
// with marks where JSON is not exact, see encode.go. With "conformance DIR" it writes questions from
// the conformance files of cel-spec instead, with "list" what the environment declares.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/ext"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/cel/environment"
	kjson "sigs.k8s.io/json"
)

type question struct {
	Expression string          `json:"expression"`
	Object     json.RawMessage `json:"object,omitempty"`
	Now        string          `json:"now,omitempty"`
}

type answer struct {
	Value   any    `json:"value,omitempty"`
	Error   string `json:"error,omitempty"`
	Message string `json:"message,omitempty"`
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "conformance" {
		if err := conformance(os.Args[2], os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "oracle:", err)
			os.Exit(1)
		}
		return
	}
	env, err := newEnv()
	if err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
	if len(os.Args) == 2 && os.Args[1] == "list" {
		list(env, os.Stdout)
		return
	}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 64<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for in.Scan() {
		if strings.TrimSpace(in.Text()) == "" {
			continue
		}
		var q question
		if err := json.Unmarshal(in.Bytes(), &q); err != nil {
			fmt.Fprintln(os.Stderr, "oracle: bad question:", err)
			os.Exit(1)
		}
		text, err := json.Marshal(ask(env, q))
		if err != nil {
			fmt.Fprintln(os.Stderr, "oracle: cannot encode the answer to", q.Expression, err)
			os.Exit(1)
		}
		out.Write(text)
		out.WriteByte('\n')
	}
}

// newEnv is the environment of Kubernetes 1.34 plus cel.bind, which Kubernetes leaves out.
func newEnv() (*cel.Env, error) {
	set, err := environment.MustBaseEnvSet(version.MajorMinor(1, 34), false).Extend(
		environment.VersionedOptions{
			IntroducedVersion: version.MajorMinor(1, 0),
			EnvOptions: []cel.EnvOption{
				cel.Variable("object", cel.DynType),
				cel.Variable("now", cel.TimestampType),
				ext.Bindings(ext.BindingsVersion(0)),
			},
		})
	if err != nil {
		return nil, err
	}
	return set.Env(environment.NewExpressions)
}

func ask(env *cel.Env, q question) (result answer) {
	defer func() {
		if r := recover(); r != nil {
			result = answer{Error: "run", Message: fmt.Sprint("panic: ", r)}
		}
	}()
	checked, issues := env.Compile(q.Expression)
	if issues.Err() != nil {
		return answer{Error: "compile", Message: issues.Err().Error()}
	}
	program, err := env.Program(checked)
	if err != nil {
		return answer{Error: "compile", Message: err.Error()}
	}
	vars := map[string]any{"object": types.NullValue, "now": time.Unix(1767323045, 0).UTC()}
	if len(q.Object) > 0 {
		// As the API machinery decodes: integers stay integers.
		var object any
		if err := kjson.UnmarshalCaseSensitivePreserveInts(q.Object, &object); err != nil {
			return answer{Error: "run", Message: err.Error()}
		}
		vars["object"] = object
	}
	if q.Now != "" {
		now, err := time.Parse(time.RFC3339Nano, q.Now)
		if err != nil {
			return answer{Error: "run", Message: err.Error()}
		}
		vars["now"] = now
	}
	value, _, err := program.Eval(vars)
	if err != nil {
		return answer{Error: "run", Message: err.Error()}
	}
	return answer{Value: encode(value)}
}
