package gozmq

import (
	"bytes"
	"net"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// FuzzServerReceive sends a server any bytes behind a good handshake. Whatever
// they are, a good call on another connection goes well afterwards, and every
// well-formed request in front of a connection's end is answered.
func FuzzServerReceive(f *testing.F) {
	const method = "test.Service/Echo"
	body := encode(f, wrapperspb.Bytes([]byte("hello")))
	for _, frames := range [][]string{
		{"", method, body}, {"id", "", method, body, "\x08\x01"}, {"", method, body, "", ""}, {"", "x", ""}, {"", ""}, {""}, {"x"},
		{"", method, "\xff"}, {"", method, body, "\xff"}, {"", "", "", ""},
	} {
		f.Add(zmtptest.Message(frames...))
	}
	const chat, watch = "test.Service/Chat", "test.Service/Watch"
	for _, more := range [][]string{
		{"a", "", "", body}, {"a", "", "", "", "\x22\x04\x18\x01\x20\x01"}, {"a", "", "", "", "\x18\x01"}, {"a", "", "", body, "\x22\x02\x08\x7f"}, {"a", "", chat, body, "\x22\x00"},
	} {
		f.Add(append(zmtptest.Message("a", "", chat, body, "\x22\x00"), zmtptest.Message(more...)...))
		f.Add(append(zmtptest.Message("a", "", watch, encode(f, textOf("9")), "\x22\x04\x08\x01\x20\x01"), zmtptest.Message(more...)...))
	}
	good := zmtptest.Message("", method, body)
	f.Add(append(bytes.Clone(good), good...))
	f.Add(good[:len(good)-1])
	f.Add([]byte{zmtp.FlagLong, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{zmtp.FlagCommand | zmtp.FlagMore, 0})
	f.Add([]byte{0x80, 0})
	f.Add(append(zmtp.AppendPing(nil, time.Second), good...))
	f.Add(append(zmtp.AppendCommand(nil, zmtp.CommandError, []byte("\x03400")), good...))
	f.Add(zmtp.AppendCommand(nil, "NOPE"))
	f.Add(bytes.Repeat([]byte{zmtp.FlagMore, 0}, 2000))

	// Not over tcp, where who offends so often has to wait.
	s := serve(f, Bind("ipc://*"), allMethods(), WithMaxMessageSize(1<<16))
	c := dial(f, Connect(s.addr()))
	f.Fuzz(func(t *testing.T, in []byte) {
		p := dialRaw(t, s.addr(), zmtp.Dealer)
		p.Send(in)
		// The other direction stays open: what is answered is read until the
		// server has seen the end.
		if err := p.Conn.(*net.UnixConn).CloseWrite(); err != nil {
			t.Skip("the server has closed the connection already")
		}
		for {
			if _, err := p.tryRecv(); err != nil {
				if ne, ok := err.(net.Error); ok && ne.Timeout() {
					t.Fatal("the server does not end the connection")
				}
				break
			}
		}
		mustEcho(t, c)
	})
}
