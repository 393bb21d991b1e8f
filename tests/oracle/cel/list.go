package main

import (
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
)

// Of no use without an API server that authorizes requests.
var authorizer = []string{"authorizer.", "kubernetes.authorization."}

// list writes the functions and macros that the environment declares, sorted, one overload a line:
// "charAt .(string, int) string", with a dot when it is called on a value. Type parameters are
// called A, B, C in the order in which they appear. A macro is "macro all 2", "macro .all 2" with
// the number of its arguments.
func list(env *cel.Env, out io.Writer) {
	var lines []string
	for name, function := range env.Functions() {
		for _, overload := range function.OverloadDecls() {
			names := &parameters{}
			var args []string
			for _, arg := range overload.ArgTypes() {
				args = append(args, names.spell(arg))
			}
			dot := ""
			if overload.IsMemberFunction() {
				dot = "."
			}
			line := fmt.Sprintf("%s %s(%s) %s", name, dot, strings.Join(args, ", "), names.spell(overload.ResultType()))
			if !needsAuthorizer(line) {
				lines = append(lines, line)
			}
		}
	}
	for _, macro := range env.Macros() {
		dot := ""
		if macro.IsReceiverStyle() {
			dot = "."
		}
		lines = append(lines, fmt.Sprintf("macro %s%s %d", dot, macro.Function(), macro.ArgCount()))
	}
	sort.Strings(lines)
	for _, line := range lines {
		fmt.Fprintln(out, line)
	}
}

func needsAuthorizer(line string) bool {
	for _, prefix := range authorizer {
		if strings.Contains(line, prefix) {
			return true
		}
	}
	return false
}

type parameters struct{ seen []string }

func (p *parameters) spell(t *types.Type) string {
	switch t.Kind() {
	case types.TypeParamKind:
		for i, name := range p.seen {
			if name == t.TypeName() {
				return string(rune('A' + i))
			}
		}
		p.seen = append(p.seen, t.TypeName())
		return string(rune('A' + len(p.seen) - 1))
	case types.TimestampKind:
		return "timestamp"
	case types.DurationKind:
		return "duration"
	case types.NullTypeKind:
		return "null"
	}
	name := t.TypeName()
	if name == "optional_type" {
		name = "optional"
	}
	if len(t.Parameters()) == 0 {
		return name
	}
	var inner []string
	for _, parameter := range t.Parameters() {
		inner = append(inner, p.spell(parameter))
	}
	return name + "(" + strings.Join(inner, ", ") + ")"
}
