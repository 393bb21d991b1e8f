package ports

import (
	"net"
	"testing"
)

func TestAPortIsReservedOnceAndTellsWhetherItIsFree(t *testing.T) {
	seen := map[int]bool{}
	for range 50 {
		port, err := Reserve()
		if err != nil {
			t.Fatal(err)
		}
		defer port.Release()
		if seen[port.Number] || port.Number < lowest || port.Number >= highest {
			t.Errorf("got port %d after %v", port.Number, seen)
		}
		seen[port.Number] = true
	}
	port, err := Reserve()
	if err != nil {
		t.Fatal(err)
	}
	defer port.Release()
	listener, err := net.Listen("tcp", port.Address())
	if err != nil {
		t.Fatal(err)
	}
	if port.Free() {
		t.Error("a port that is listened on is said to be free")
	}
	listener.Close()
	if !port.Free() {
		t.Error("a port that nobody uses is said to be taken")
	}
}
