//go:build tools

// Package cni names the network plugins of a real node, so that "go mod tidy" keeps what they need in go.mod and
// go.sum.
package cni

import (
	_ "github.com/containernetworking/plugins/plugins/ipam/host-local"
	_ "github.com/containernetworking/plugins/plugins/main/loopback"
	_ "github.com/containernetworking/plugins/plugins/main/ptp"
)
