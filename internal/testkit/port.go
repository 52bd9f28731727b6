package testkit

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// ClosedPort returns a tcp endpoint of this host that nobody listens on. A test may
// bind it, close it and bind it again: its port is below those that systems give to
// whoever asks for any, so that no other socket gets it meanwhile.
func ClosedPort(t testing.TB) string {
	t.Helper()
	const first, last = 10_000, 32_000
	for range 1000 {
		address := fmt.Sprint("127.0.0.1:", first+rand.IntN(last-first))
		if ln, err := net.Listen("tcp", address); err == nil {
			ln.Close()
			return "tcp://" + address
		}
	}
	t.Fatal("no port is free")
	return ""
}
