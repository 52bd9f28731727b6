package conformance

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

func reservedFlags(t *testing.T, at *place) {
	for _, flags := range []byte{0x08, 0x80, 0xf8, 0x0b} {
		meet(t, at, func(m *meeting) {
			m.shake(m.kind, 1)
			m.tryWrite([]byte{flags, 0})
			m.wantEnd("reserved")
		})
	}
}

func commandWithMore(t *testing.T, at *place) {
	meet(t, at, func(m *meeting) {
		m.shake(m.kind, 1)
		m.tryWrite(frame(flagCommand|flagMore, "\x04PING\x00\x00"))
		m.wantEnd("MORE")
	})
}

// sizes of bodies, as strings of wrapperspb.BytesValue are two to four bytes
// longer.
var sizes = []int{0, 1, 252, 253, 254, 255, 256, 257, 70_000}

func frameSizes(t *testing.T, at *place) {
	s := at.serve(t, echo)
	p := at.dial(t, "REQ", s.endpoint)
	rep, where := at.bind(t, "REP")
	c := dial(t, gozmq.Connect(where))
	for _, n := range sizes {
		body := strings.Repeat("x", n)
		p.send(encode(t, body))
		want(t, "the reply", p.recv(), []string{encode(t, body)})

		done := c.begin(within(t), body)
		rep.send(rep.recv()...)
		wantReply(t, done, body)
	}
}

func shortestForm(t *testing.T, at *place) {
	s := at.serve(t, echo)
	w := at.connect(t, s.endpoint)
	w.shake("DEALER", 1)
	for _, n := range sizes {
		// The last frame of the reply is as long as the body.
		body := encode(t, strings.Repeat("x", n))
		w.write(message("", body))
		if _, _, err := w.frame(); err != nil {
			t.Fatal(err)
		}
		flags, content, err := w.frame()
		if err != nil || content != body {
			t.Fatalf("got %d bytes, %v, want %d", len(content), err, len(body))
		}
		if long := flags&flagLong != 0; long != (len(body) > 255) {
			t.Errorf("a frame of %d bytes has the flags %#x", len(body), flags)
		}
	}
}

func longForm(t *testing.T, at *place) {
	meet(t, at, func(m *meeting) {
		m.write(greeting(3, 1, "NULL"), longFrame(flagCommand, "\x05READY"+metadata("Socket-Type", m.kind)))
		m.finish()
		m.works()
		if m.client != nil {
			return
		}
		body := encode(m.t, "small")
		m.write(longFrame(flagMore, ""), longFrame(0, body))
		want(m.t, "the reply", m.message(), []string{"", body})
	})
}

func unknownCommands(t *testing.T, at *place) {
	meet(t, at, func(m *meeting) {
		m.shake(m.kind, 1)
		unknown := append(command("FROBNICATE", "now"), command("X", "")...)
		m.write(unknown)
		m.works()
		if m.client != nil {
			return
		}
		body := encode(m.t, "whole")
		m.write(frame(flagMore, "me"), unknown, frame(flagMore, ""), unknown, frame(0, body))
		want(m.t, "the reply", m.message(), []string{"me", "", body})
	})
}

func halfMessage(t *testing.T, at *place) {
	s := collect(t, gozmq.Bind(at.endpoint()))
	results := s.results(t)
	for i := range 3 {
		w := at.connect(t, s.Addrs()[0])
		w.shake("PUSH", 1)
		before := fmt.Sprint("whole ", i)
		w.write(message(encode(t, before)), frame(flagMore, encode(t, "half")))
		results.want(before)
		w.close()
		s.await(t, gozmq.EventDisconnected, i+1)
	}
	if n := s.count(gozmq.EventMalformed); n > 0 {
		t.Errorf("%d messages were malformed, want none:\n%s", n, s)
	}
}

func order(t *testing.T, at *place) {
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
	if err := await(t, "the end of pushing", pushed); err != nil {
		t.Error(err)
	}
}
