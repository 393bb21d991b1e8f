// Command pause is the first process of every pod on the real node: it holds the namespaces. With the flag of etcd for
// the address of its metrics it answers there that it is well, so that it can stand for a static pod of a control plane.
package main

import (
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	for _, flag := range os.Args[1:] {
		if address, found := strings.CutPrefix(flag, "--listen-metrics-urls=http://"); found {
			http.HandleFunc("/health", func(http.ResponseWriter, *http.Request) {})
			go func() { log.Fatal(http.ListenAndServe(address, nil)) }()
		}
	}
	<-stop
}
