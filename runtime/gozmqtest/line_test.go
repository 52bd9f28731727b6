package gozmqtest_test

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

// A line is a raw connection through a proxy, with both of its ends.
type line struct {
	*gozmqtest.Proxy
	t            *testing.T
	listener     net.Listener
	near, target *net.TCPConn
}

// newLine returns a proxy in front of a listener, with no connection yet.
func newLine(t *testing.T) *line {
	t.Helper()
	listener := listen(t)
	l := &line{t: t, listener: listener, Proxy: gozmqtest.NewProxy(t, "tcp://"+listener.Addr().String())}
	return l
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}

// dial connects to the proxy and nothing more.
func (l *line) dial() *net.TCPConn {
	l.t.Helper()
	c, err := l.tryDial()
	if err != nil {
		l.t.Fatal(err)
	}
	return l.use(c)
}

func (l *line) tryDial() (net.Conn, error) {
	return net.Dial("tcp", strings.TrimPrefix(l.Endpoint(), "tcp://"))
}

func (l *line) accept() *net.TCPConn {
	l.t.Helper()
	c, err := l.listener.Accept()
	if err != nil {
		l.t.Fatal(err)
	}
	return l.use(c)
}

func (l *line) use(c net.Conn) *net.TCPConn {
	l.t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(testkit.Patience())); err != nil {
		l.t.Fatal(err)
	}
	return c.(*net.TCPConn)
}

// connect makes a connection through the proxy.
func (l *line) connect() *line {
	l.t.Helper()
	l.near, l.target = l.dial(), l.accept()
	return l
}

func (l *line) send(c net.Conn, text string) {
	l.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		l.t.Fatal(err)
	}
}

func (l *line) want(c net.Conn, text string) {
	l.t.Helper()
	b := make([]byte, len(text))
	if _, err := io.ReadFull(c, b); err != nil || string(b) != text {
		l.t.Fatalf("got %q, %v, want %q", b, err, text)
	}
}

func (l *line) wantErr(c net.Conn, want error) {
	l.t.Helper()
	if n, err := c.Read(make([]byte, 1)); !errors.Is(err, want) {
		l.t.Fatalf("read %d bytes, %v, want %v", n, err, want)
	}
}

// wantSilence checks that nothing is there to be read.
func (l *line) wantSilence(c net.Conn) {
	l.t.Helper()
	l.deadline(c, time.Now().Add(10*time.Millisecond))
	l.wantErr(c, os.ErrDeadlineExceeded)
	l.deadline(c, time.Now().Add(testkit.Patience()))
}

func (l *line) deadline(c net.Conn, when time.Time) {
	if err := c.SetReadDeadline(when); err != nil {
		l.t.Fatal(err)
	}
}

func (l *line) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// works checks both directions.
func (l *line) works() {
	l.t.Helper()
	l.send(l.near, "ping")
	l.want(l.target, "ping")
	l.send(l.target, "pong!")
	l.want(l.near, "pong!")
}

// want2 takes text, which may also come later.
func (l *line) want2(c *net.TCPConn, text string) {
	l.t.Helper()
	l.deadline(c, time.Now().Add(10*time.Millisecond))
	_, err := io.ReadFull(c, make([]byte, len(text)))
	if err != nil { // held back: give it way now
		l.Resume()
		l.deadline(c, time.Now().Add(testkit.Patience()))
		l.want(c, text)
		l.Stall()
	}
	l.deadline(c, time.Now().Add(testkit.Patience()))
}

// wantRefused connects and gets a RST, which may come before dialing is over.
func (l *line) wantRefused() {
	l.t.Helper()
	c, err := l.tryDial()
	if err == nil {
		_, err = l.use(c).Read(make([]byte, 1))
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		l.t.Fatalf("got %v, want %v", err, syscall.ECONNRESET)
	}
}
