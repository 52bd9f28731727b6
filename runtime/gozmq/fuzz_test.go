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
	s := serve(f, Bind("ipc://*"), echoHandlers(), WithMaxMessageSize(1<<16))
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

// FuzzStatus decodes any bytes as a status: the outcome always has a code of
// its own, and goes round unchanged.
func FuzzStatus(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte("\xff"))
	f.Add([]byte("\x08\x05\x12\x04gone"))
	f.Add([]byte("\x08\x80\x80\x80\x80\xf0\xff\xff\xff\xff\x01"))
	f.Add(appendStatus(nil, Errorf(CodeAborted, "a\xffb"), 1<<20))
	f.Fuzz(func(t *testing.T, in []byte) {
		e := parseStatus(in)
		if e.Code < CodeCanceled || e.Code > CodeUnauthenticated {
			t.Fatalf("%x has code %d", in, e.Code)
		}
		if e.Error() == "" || e.Code.String() == "" {
			t.Fatalf("%x has no text", in)
		}
		again := parseStatus(appendStatus(nil, e, 1<<20))
		if again.Code != e.Code || len(again.Details) > len(e.Details) {
			t.Fatalf("%x is %v, and %v the second time", in, e, again)
		}
	})
}

// FuzzRequestHeader decodes any bytes as a header: an error, or a timeout that
// is safe to add to a time.
func FuzzRequestHeader(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(appendRequestHeader(nil, time.Second)[2:])
	f.Add([]byte("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Add([]byte("\x08"))
	f.Add([]byte("\xa2\x06\x01x\x08\x05"))
	f.Add([]byte("\x12\x08\x0a\x03key\x12\x01v"))
	f.Fuzz(func(t *testing.T, in []byte) {
		h, err := parseRequestHeader(in)
		if err != nil {
			if code := CodeOf(err); code != CodeInvalidArgument && code != CodeResourceExhausted {
				t.Fatalf("%x: %v", in, err)
			}
			return
		}
		timeout := h.timeout
		if err := h.metadata.check(); err != nil {
			t.Fatalf("%x has metadata that is wrong: %v", in, err)
		}
		if timeout < 0 || timeout > maxTimeout {
			t.Fatalf("%x is a timeout of %v", in, timeout)
		}
		if timeout == 0 {
			return
		}
		back, err := parseRequestHeader(appendRequestHeader(nil, timeout)[2:])
		if err != nil || back.timeout != timeout {
			t.Fatalf("%v came back as %v, %v", timeout, back.timeout, err)
		}
	})
}
