package link

import (
	"net"
	"testing"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/transport"
)

// listenRaw listens on loopback tcp, for a group to dial.
func listenRaw(t *testing.T) (*net.TCPListener, transport.Endpoint) {
	t.Helper()
	return listenRawOn(t, "127.0.0.1:0")
}

func listenRawOn(t *testing.T, addr string) (*net.TCPListener, transport.Endpoint) {
	t.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	ep, err := transport.ParseConnect("tcp://" + ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return ln.(*net.TCPListener), ep
}

func acceptRaw(t *testing.T, ln *net.TCPListener) *rawPeer {
	t.Helper()
	if err := ln.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return newRawPeer(t, conn)
}

// acceptPeer accepts and shakes hands as a good peer of that type.
func acceptPeer(t *testing.T, ln *net.TCPListener, socketType string) *rawPeer {
	t.Helper()
	p := acceptRaw(t, ln)
	p.send(hello(socketType))
	p.greeted()
	return p
}
