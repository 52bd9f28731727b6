package gozmqtap

import (
	"bytes"
	"fmt"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// maxCalls is how many calls of a connection a Decoder remembers.
const maxCalls = 4096

// calls have the methods of calls that are in flight, by their envelopes.
type calls struct {
	methods map[string]string
}

func (c *calls) begin(e wire.Envelope, method string) {
	if len(c.methods) >= maxCalls {
		clear(c.methods) // their replies come without a method
	}
	c.methods[key(e)] = method
}

func key(e wire.Envelope) string { return string(bytes.Join(e, []byte{0})) }

// requests reports whether the sender of a message between sockets of REQ/REP is
// the side that makes the calls.
func (m *message) requests() bool {
	switch {
	case m.from.role == handshake.RoleClient, m.to.role == handshake.RoleServer, m.from.socket == zmtp.Req, m.to.socket == zmtp.Rep:
		return true
	case m.from.role == handshake.RoleServer, m.to.role == handshake.RoleClient, m.from.socket == zmtp.Rep, m.to.socket == zmtp.Req:
		return false
	}
	return m.from.socket == zmtp.Dealer
}

func (m *message) request() {
	envelope, content, ok := wire.SplitEnvelope(m.frames)
	if !ok {
		m.broken(wire.NoEnvelope(m.frames))
		return
	}
	m.Name = "request"
	m.call(envelope)
	if len(content) == 1 {
		m.Body = len(m.frames) - 1
		m.addFlag("bare", true)
		return
	}
	r, err := wire.ParseRequest(content)
	if err != nil {
		m.broken(err)
		return
	}
	m.Body = len(envelope) + 1
	m.Subject = string(r.Procedure)
	switch {
	case r.Cancels():
		m.Name, m.Subject, m.Body = "cancel", m.calls.methods[key(envelope)], -1
		return
	case m.Subject != "":
		m.calls.begin(envelope, m.Subject)
	default:
		m.Name, m.Subject = "stream message", m.calls.methods[key(envelope)]
	}
	m.addDuration("timeout", r.Header.Timeout)
	m.stream(r.Header.Stream)
	m.metadata("metadata", r.Header.Metadata)
}

func (m *message) reply() {
	envelope, content, ok := wire.SplitEnvelope(m.frames)
	if !ok {
		m.broken(wire.NoEnvelope(m.frames))
		return
	}
	m.Name = "reply"
	m.call(envelope)
	if len(content) == 1 {
		m.Body = len(m.frames) - 1
		m.addFlag("bare", true)
		return
	}
	r, err := wire.ParseReply(content)
	if err != nil {
		m.broken(err)
		return
	}
	m.Subject, m.Body = m.calls.methods[key(envelope)], len(envelope)+1
	h, err := wire.ParseReplyHeader(r.Header)
	if err != nil {
		m.add("header", "malformed")
	}
	if h.Stream.Present {
		m.Name = "stream message"
	} else {
		delete(m.calls.methods, key(envelope))
		m.status(r.Status)
	}
	if r.Failed() {
		m.Body = -1
	}
	m.addFlag("refused", h.Refused)
	m.stream(h.Stream)
	m.metadata("header", h.Headers)
	m.metadata("trailer", h.Trailers)
}

// call adds the number of a call of one of our clients.
func (m *message) call(e wire.Envelope) {
	if id, ok := e.CallID(); ok {
		m.add("call", fmt.Sprint(id))
	}
}

// status adds an outcome; empty is success.
func (m *message) status(b []byte) {
	if len(b) == 0 {
		m.add("status", "0")
		return
	}
	s, err := wire.ParseStatus(b)
	if err != nil {
		m.add("status", "malformed")
		return
	}
	m.add("status", fmt.Sprint(s.Code))
	m.Error = s.Message
}

func (m *message) stream(s wire.Stream) {
	if !s.Present {
		return
	}
	m.addNumber("credit-messages", s.Messages)
	m.addNumber("credit-bytes", s.Bytes)
	m.addFlag("end", s.End)
	m.addNumber("sent", s.Sent)
	if s.NoMessage {
		m.Name, m.Body = "stream control", -1
	}
}
