package zmtptest

import (
	"errors"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A Listener is dialed by a socket under test, on loopback tcp.
type Listener struct {
	*net.TCPListener
	Endpoint transport.Endpoint // to connect to

	t testing.TB
}

// Listen listens on a free port until the test ends.
func Listen(t testing.TB) *Listener {
	t.Helper()
	return ListenOn(t, "127.0.0.1:0")
}

// ListenOn is Listen on an address. If the address was in use before, another
// process may have its port for a while: ListenOn waits until it is free.
func ListenOn(t testing.TB, addr string) *Listener {
	t.Helper()
	var ln net.Listener
	var err error
	testkit.Eventually(t, "a free port: "+addr, func() bool {
		ln, err = net.Listen("tcp", addr)
		return !errors.Is(err, syscall.EADDRINUSE)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return &Listener{TCPListener: ln.(*net.TCPListener), Endpoint: endpointOf(t, ln.Addr()), t: t}
}

// Nobody returns an endpoint at which nobody listens, in any process, until the
// test ends: its port is that of a connection.
func Nobody(t testing.TB) transport.Endpoint {
	t.Helper()
	conn, err := net.Dial("tcp", Listen(t).Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return endpointOf(t, conn.LocalAddr())
}

func endpointOf(t testing.TB, addr net.Addr) transport.Endpoint {
	t.Helper()
	ep, err := transport.ParseConnect("tcp://" + addr.String())
	if err != nil {
		t.Fatal(err)
	}
	return ep
}

// Next waits for a connection and sends nothing.
func (l *Listener) Next() *Peer {
	l.t.Helper()
	if err := l.SetDeadline(time.Now().Add(testkit.Patience())); err != nil {
		l.t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		l.t.Fatal(err)
	}
	return NewPeer(l.t, conn)
}

// NextAs waits for a connection and shakes hands as a good peer of that type.
// Ports are reused: it turns away a peer that looks for an earlier listener.
func (l *Listener) NextAs(socketType zmtp.SocketType) *Peer {
	l.t.Helper()
	for {
		p := l.Next()
		p.Shake(socketType)
		if socketType.Compatible(zmtp.SocketType(p.Ready.Get(zmtp.PropertySocketType))) {
			return p
		}
		p.Close()
	}
}
