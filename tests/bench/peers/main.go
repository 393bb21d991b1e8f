// Peers is what kube-remedy is compared with: the caches of client-go, filled from the same server with the same
// objects, doing nothing else. It is deliberately kind to them: no handler, no index, managedFields thrown away.
//
//	peers --client typed --resources pods,nodes
//
// It prints "synced" when all caches are, then waits for a line on standard input, gives all memory back that the
// runtime can spare, prints "collected" and waits for the end of its input. Whoever started it measures.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	kubeconfig := flag.String("kubeconfig", os.Getenv("KUBECONFIG"), "of whoever may list the resources")
	client := flag.String("client", "typed", "typed (protobuf), typed-json or dynamic")
	resources := flag.String("resources", "pods,nodes", "of the core group, comma-separated; none: only connect")
	flag.Parse()
	if err := run(*kubeconfig, *client, *resources); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run(kubeconfig, client, resources string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	informerFor, start, err := newFactory(config, client)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var synced []cache.InformerSynced
	for _, resource := range strings.FieldsFunc(resources, func(r rune) bool { return r == ',' }) {
		informer, err := informerFor(schema.GroupVersionResource{Version: "v1", Resource: resource})
		if err != nil {
			return err
		}
		if err := informer.SetTransform(withoutManagedFields); err != nil {
			return err
		}
		synced = append(synced, informer.HasSynced)
	}
	start(ctx.Done())
	commands := bufio.NewScanner(os.Stdin)
	if !cache.WaitForCacheSync(ctx.Done(), synced...) {
		return errors.New("the caches did not sync")
	}
	fmt.Println("synced")
	for commands.Scan() {
		debug.FreeOSMemory()
		fmt.Println("collected")
	}
	return commands.Err()
}

type informerFor func(schema.GroupVersionResource) (cache.SharedIndexInformer, error)

// newFactory makes the client of that name and what makes and starts its informers.
func newFactory(config *rest.Config, client string) (informerFor, func(<-chan struct{}), error) {
	switch client {
	case "dynamic":
		d, err := dynamic.NewForConfig(config)
		if err != nil {
			return nil, nil, err
		}
		factory := dynamicinformer.NewDynamicSharedInformerFactory(d, 0)
		return func(resource schema.GroupVersionResource) (cache.SharedIndexInformer, error) {
			return factory.ForResource(resource).Informer(), nil
		}, factory.Start, nil
	case "typed", "typed-json":
		config.ContentType, config.AcceptContentTypes = "application/vnd.kubernetes.protobuf", ""
		if client == "typed-json" {
			// Both: left unset, client-go takes protobuf for its own types.
			config.ContentType, config.AcceptContentTypes = "application/json", "application/json"
		}
		k, err := kubernetes.NewForConfig(config)
		if err != nil {
			return nil, nil, err
		}
		factory := informers.NewSharedInformerFactory(k, 0)
		return func(resource schema.GroupVersionResource) (cache.SharedIndexInformer, error) {
			generic, err := factory.ForResource(resource)
			if err != nil {
				return nil, err
			}
			return generic.Informer(), nil
		}, factory.Start, nil
	default:
		return nil, nil, fmt.Errorf("unknown client %q", client)
	}
}

// withoutManagedFields is what careful users of client-go do: they are a quarter of an object.
func withoutManagedFields(object any) (any, error) {
	if accessor, err := meta.Accessor(object); err == nil {
		accessor.SetManagedFields(nil)
	}
	return object, nil
}
