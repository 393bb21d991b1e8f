// Package ports hands out loopback TCP ports that stay reserved while a server is down.
//
// A port that the kernel picks (":0") lies in the range of outgoing connections. While an API server restarts,
// a client that keeps dialling may be given the server's own port as its source, even connect to itself, and
// the server cannot come back. So ports are chosen below that range, and a locked file per port keeps clusters
// of other processes away.
package ports

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

const (
	lowest   = 20000
	highest  = 32000 // the range of outgoing connections starts at 32768 by default
	attempts = 1000
)

// A Port is reserved until Release, or until the process ends.
type Port struct {
	Number int
	file   *os.File
}

// Reserve finds a port that nobody listens on and that no other holder of this package has.
func Reserve() (*Port, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("kube-remedy-ports-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	for range attempts {
		n := lowest + rand.IntN(highest-lowest)
		file, err := os.OpenFile(filepath.Join(dir, strconv.Itoa(n)), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		port := &Port{Number: n, file: file}
		if syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil && port.Free() {
			return port, nil
		}
		port.Release()
	}
	return nil, errors.New("no free port between " + strconv.Itoa(lowest) + " and " + strconv.Itoa(highest))
}

// Address is the port on the loopback interface.
func (p *Port) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.Number)) }

// Free tells whether a server could listen on the port now.
func (p *Port) Free() bool {
	listener, err := net.Listen("tcp", p.Address())
	if err != nil {
		return false
	}
	listener.Close()
	return true
}

// Release gives the port back. The empty file stays: removing it would race with somebody who locks it.
func (p *Port) Release() { p.file.Close() }
