//go:build tools

// Package critools names the program that shows what a container runtime does, so that "go mod tidy" keeps what it
// needs in go.mod and go.sum.
package critools

import (
	_ "sigs.k8s.io/cri-tools/cmd/crictl"
)
