package rival

import (
	"io"
	"net"
	"testing"
	"time"
)

// TestLine: a line is long, and not slow.
func TestLine(t *testing.T) {
	const delay, parts = 50 * time.Millisecond, 256
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	line, err := NewLine(ln.Addr().String(), delay)
	if err != nil {
		t.Fatal(err)
	}
	defer line.Close()
	conn, err := net.Dial("tcp", line.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	peer, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	begin := time.Now()
	go conn.Write(make([]byte, parts*linePart))
	if _, err := io.ReadFull(peer, make([]byte, parts*linePart)); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took < delay || took > parts/2*delay {
		t.Errorf("%d parts over a line of %v: took %v", parts, delay, took)
	}
}
