package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	apiservercel "k8s.io/apiserver/pkg/cel"
)

// encode turns a CEL value into JSON that keeps its type: an int has no fraction and a double
// always has one; whatever JSON does not know is an object with one key that starts with "@".
func encode(value ref.Val) any {
	switch v := value.(type) {
	case types.Null:
		return json.RawMessage("null")
	case types.Bool:
		return bool(v)
	case types.Int:
		return json.Number(strconv.FormatInt(int64(v), 10))
	case types.Uint:
		return map[string]any{"@uint": json.Number(strconv.FormatUint(uint64(v), 10))}
	case types.Double:
		return encodeDouble(float64(v))
	case types.String:
		return string(v)
	case types.Bytes:
		return map[string]any{"@bytes": base64.StdEncoding.EncodeToString(v)}
	case types.Timestamp:
		return map[string]any{"@timestamp": v.Time.UTC().Format(time.RFC3339Nano)}
	case types.Duration:
		return map[string]any{"@duration": strconv.FormatInt(v.Duration.Nanoseconds(), 10)}
	case *types.Optional:
		if !v.HasValue() {
			return map[string]any{"@none": true}
		}
		return map[string]any{"@optional": encode(v.GetValue())}
	case apiservercel.Quantity:
		return mark(v, v.String())
	case *apiservercel.Quantity: // what add() and sub() answer
		return mark(v, v.String())
	case apiservercel.Semver:
		return mark(v, v.String())
	case apiservercel.IP:
		return mark(v, v.String())
	case apiservercel.CIDR:
		return mark(v, v.String())
	case apiservercel.URL:
		return mark(v, v.String())
	case apiservercel.Format:
		return mark(v, v.Name)
	case traits.Mapper:
		return encodeMap(v)
	case traits.Lister:
		list := []any{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			list = append(list, encode(it.Next()))
		}
		return list
	}
	if t, ok := value.(ref.Type); ok {
		return map[string]any{"@type": t.TypeName()}
	}
	return map[string]any{"@unknown": fmt.Sprintf("%T", value)}
}

// mark is for values of the types that Kubernetes adds: {"@kubernetes.Quantity": "1Gi"}.
func mark(v ref.Val, text string) any {
	return map[string]any{"@" + v.Type().TypeName(): text}
}

func encodeDouble(d float64) any {
	if math.IsNaN(d) || math.IsInf(d, 0) {
		return map[string]any{"@double": fmt.Sprint(d)}
	}
	text := strconv.FormatFloat(d, 'g', -1, 64)
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return json.RawMessage(text)
}

// A map with only string keys is an object, any other a list of pairs.
func encodeMap(m traits.Mapper) any {
	object := map[string]any{}
	pairs := [][2]any{}
	for it := m.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		value, found := m.Find(key)
		if !found {
			continue
		}
		if text, ok := key.(types.String); ok {
			object[string(text)] = encode(value)
		}
		pairs = append(pairs, [2]any{encode(key), encode(value)})
	}
	if len(object) == len(pairs) {
		return object
	}
	sort.Slice(pairs, func(i, j int) bool { return fmt.Sprint(pairs[i][0]) < fmt.Sprint(pairs[j][0]) })
	return map[string]any{"@map": pairs}
}
