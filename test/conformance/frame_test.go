package conformance

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/test/internal/rawzmtp"
)

func reservedFlags(t *testing.T, at *env) {
	for _, flags := range []byte{0x08, 0x80, 0xf8, 0x0b} {
		meet(t, at, func(m *meeting) {
			m.shake(m.kind, 1)
			m.tryWrite([]byte{flags, 0})
			m.wantEnd("reserved")
		})
	}
}

func commandWithMore(t *testing.T, at *env) {
	meet(t, at, func(m *meeting) {
		m.shake(m.kind, 1)
		m.tryWrite(rawzmtp.Frame(rawzmtp.FlagCommand|rawzmtp.FlagMore, "\x04PING\x00\x00"))
		m.wantEnd("MORE")
	})
}

// sizes of bodies, as strings of wrapperspb.BytesValue are two to four bytes
// longer.
var sizes = []int{0, 1, 252, 253, 254, 255, 256, 257, 70_000}

func frameSizes(t *testing.T, at *env) {
	s := at.serve(t, echo)
	p := at.dial(t, "REQ", s.endpoint)
	rep, where := at.bind(t, "REP")
	c := dial(t, gozmq.Connect(where))
	for _, n := range sizes {
		body := strings.Repeat("x", n)
		p.send(encode(t, body))
		want(t, "the reply", p.recv(), []string{encode(t, body)})

		done := c.begin(testkit.Within(t), body)
		rep.send(rep.recv()...)
		wantReply(t, done, body)
	}
}

func shortestForm(t *testing.T, at *env) {
	s := at.serve(t, echo)
	w := at.connect(t, s.endpoint)
	w.shake("DEALER", 1)
	for _, n := range sizes {
		// The last frame of the reply is as long as the body.
		body := encode(t, strings.Repeat("x", n))
		w.write(rawzmtp.Message("", body))
		if _, _, err := w.frame(); err != nil {
			t.Fatal(err)
		}
		flags, content, err := w.frame()
		if err != nil || content != body {
			t.Fatalf("got %d bytes, %v, want %d", len(content), err, len(body))
		}
		if long := flags&rawzmtp.FlagLong != 0; long != (len(body) > 255) {
			t.Errorf("a frame of %d bytes has the flags %#x", len(body), flags)
		}
	}
}

func longForm(t *testing.T, at *env) {
	meet(t, at, func(m *meeting) {
		m.write(rawzmtp.Greeting(3, 1, "NULL"), rawzmtp.LongFrame(rawzmtp.FlagCommand, "\x05READY"+string(rawzmtp.Metadata("Socket-Type", m.kind))))
		m.finish()
		m.works()
		if m.client != nil {
			return
		}
		body := encode(m.t, "small")
		m.write(rawzmtp.LongFrame(rawzmtp.FlagMore, ""), rawzmtp.LongFrame(0, body))
		want(m.t, "the reply", m.message(), []string{"", body})
	})
}

func unknownCommands(t *testing.T, at *env) {
	meet(t, at, func(m *meeting) {
		m.shake(m.kind, 1)
		unknown := append(rawzmtp.Command("FROBNICATE", "now"), rawzmtp.Command("X", "")...)
		m.write(unknown)
		m.works()
		if m.client != nil {
			return
		}
		body := encode(m.t, "whole")
		m.write(rawzmtp.Frame(rawzmtp.FlagMore, "me"), unknown, rawzmtp.Frame(rawzmtp.FlagMore, ""), unknown, rawzmtp.Frame(0, body))
		want(m.t, "the reply", m.message(), []string{"me", "", body})
	})
}

func halfMessage(t *testing.T, at *env) {
	s := collect(t, gozmq.Bind(at.endpoint()))
	results := s.results(t)
	for i := range 3 {
		w := at.connect(t, s.Addrs()[0])
		w.shake("PUSH", 1)
		before := fmt.Sprint("whole ", i)
		w.write(rawzmtp.Message(encode(t, before)), rawzmtp.Frame(rawzmtp.FlagMore, encode(t, "half")))
		results.want(before)
		w.close()
		s.await(t, gozmq.EventDisconnected, i+1)
	}
	if n := s.count(gozmq.EventMalformed); n > 0 {
		t.Errorf("%d messages were malformed, want none:\n%s", n, s)
	}
}

func order(t *testing.T, at *env) {
	const n = 2000
	p, where := at.bind(t, "PUSH")
	s := collect(t, gozmq.Connect(where))
	results := s.results(t)
	for i := range n {
		p.send(encode(t, fmt.Sprint(i)))
	}
	for i := range n {
		results.want(fmt.Sprint(i))
	}

	pull, where := at.bind(t, "PULL")
	v := ventilate(t, gozmq.Connect(where))
	pushed := v.pushAll(t, n)
	for i := range n {
		want(t, "the task", pull.recv(), []string{encode(t, fmt.Sprint(i))})
	}
	if err := testkit.Receive(t, pushed, "the end of pushing"); err != nil {
		t.Error(err)
	}
}
