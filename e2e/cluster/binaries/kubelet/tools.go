//go:build tools

// Package kubelet names the program that makes a real node of a machine, so that "go mod tidy" keeps what it needs
// in go.mod and go.sum. It has a module of its own so that the control plane is not built anew for it.
package kubelet

import (
	_ "k8s.io/kubernetes/cmd/kubelet"
)
