//go:build tools

// Package kwok names the program that is built from the kwok module.
package kwok

import _ "sigs.k8s.io/kwok/cmd/kwok"
