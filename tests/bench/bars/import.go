package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/client-go/kubernetes/scheme"
)

// importers is how many objects are on their way to etcd at once.
const importers = 16

// A kindOfData is one kind that bench-data makes.
type kindOfData struct {
	flag   string                // of bench-data
	prefix string                // where the API server keeps the kind in etcd
	empty  func() runtime.Object // to decode into
}

var kindsOfData = []kindOfData{
	{"namespaces", "/registry/namespaces/", func() runtime.Object { return &corev1.Namespace{} }},
	{"nodes", "/registry/minions/", func() runtime.Object { return &corev1.Node{} }},
	{"pods", "/registry/pods/", func() runtime.Object { return &corev1.Pod{} }},
}

// importData writes the generator's objects into etcd as the API server itself would: with uid, managedFields and
// status, in protobuf. Through the API every pod would be two writes, and 60,000 writes are two minutes; the API
// server cannot tell the difference, it hears of them by its own watch of etcd.
func importData(ctx context.Context, etcd, program string, args []string) (objects int, err error) {
	for _, kind := range kindsOfData {
		n, err := importKind(ctx, etcd, kind, exec.CommandContext(ctx, program, append(args, "--kind", kind.flag, "--form", "watch")...))
		if err != nil {
			return objects, fmt.Errorf("importing %s: %w", kind.flag, err)
		}
		objects += n
	}
	return objects, nil
}

func importKind(ctx context.Context, etcd string, kind kindOfData, generator *exec.Cmd) (int, error) {
	generator.Stderr = os.Stderr
	lines, err := generator.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := generator.Start(); err != nil {
		return 0, err
	}
	store := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: importers}}
	defer store.CloseIdleConnections()
	var written atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	texts := make(chan []byte, importers)
	group.Go(func() error {
		defer close(texts)
		return readLines(ctx, lines, texts)
	})
	for range importers {
		group.Go(func() error {
			for text := range texts {
				key, value, err := storedForm(kind, text)
				if err != nil {
					return err
				}
				if err := put(ctx, store, etcd, key, value); err != nil {
					return err
				}
				written.Add(1)
			}
			return nil
		})
	}
	err = group.Wait()
	if err != nil {
		generator.Process.Kill()
		generator.Wait()
		return 0, err
	}
	return int(written.Load()), generator.Wait()
}

func readLines(ctx context.Context, from io.Reader, to chan<- []byte) error {
	scanner := bufio.NewScanner(from)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		select {
		case to <- bytes.Clone(scanner.Bytes()):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return scanner.Err()
}

var storage = protobuf.NewSerializer(scheme.Scheme, scheme.Scheme)

// storedForm turns a watch line, or an object alone, into a key and a value of etcd.
func storedForm(kind kindOfData, text []byte) (key string, value []byte, err error) {
	var line struct {
		Object json.RawMessage `json:"object"`
	}
	if err := json.Unmarshal(text, &line); err != nil {
		return "", nil, err
	}
	if line.Object == nil {
		line.Object = text
	}
	object := kind.empty()
	if err := json.Unmarshal(line.Object, object); err != nil {
		return "", nil, err
	}
	accessor, err := meta.Accessor(object)
	if err != nil {
		return "", nil, err
	}
	accessor.SetResourceVersion("") // it is etcd's own revision
	key = kind.prefix
	if namespace := accessor.GetNamespace(); namespace != "" {
		key += namespace + "/"
	}
	var encoded bytes.Buffer
	if err := storage.Encode(object, &encoded); err != nil {
		return "", nil, err
	}
	return key + accessor.GetName(), encoded.Bytes(), nil
}

// put writes one key by etcd's JSON gateway. One transaction for many would be quicker, but then many objects
// would have the same resourceVersion, which no API server has ever seen.
func put(ctx context.Context, store *http.Client, etcd, key string, value []byte) error {
	body, err := json.Marshal(map[string][]byte{"key": []byte(key), "value": value}) // []byte is base64 in JSON
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, etcd+"/v3/kv/put", bytes.NewReader(body))
	if err != nil {
		return err
	}
	answer, err := store.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("etcd: %s: %s", answer.Status, said)
	}
	return err
}

func generatorArgs(set string, nodes, pods int) []string {
	return []string{"--set", set, "--nodes", strconv.Itoa(nodes), "--pods", strconv.Itoa(pods)}
}
