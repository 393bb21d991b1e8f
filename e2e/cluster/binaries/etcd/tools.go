//go:build tools

// Package etcd names the program that is built from the etcd server module.
package etcd

import _ "go.etcd.io/etcd/server/v3"
