package testkit

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// FreePort returns a port of this host that nobody listens on. It may be bound,
// closed and bound again: it is below the ports that Linux gives to connections and
// to whoever asks for any, so that hardly anybody takes it in between.
func FreePort() (port int, err error) {
	const first, last = 10_000, 32_000
	for range 1000 {
		port = first + rand.IntN(last-first)
		var ln net.Listener
		if ln, err = net.Listen("tcp", fmt.Sprint("127.0.0.1:", port)); err == nil {
			return port, ln.Close()
		}
	}
	return 0, err
}

// ClosedPort returns the tcp endpoint of a FreePort.
func ClosedPort(t testing.TB) string {
	t.Helper()
	port, err := FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint("tcp://127.0.0.1:", port)
}
