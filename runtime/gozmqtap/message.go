package gozmqtap

import (
	"fmt"
	"slices"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A message is a message that is being described.
type message struct {
	*Event
	frames   [][]byte // the contents of Event.Frames
	from, to *flow
	calls    *calls
}

// describe describes the message by the socket types and the roles of the two
// sides.
func (m *message) describe() {
	if m.from.skipped > 0 {
		m.add("frames", fmt.Sprint(len(m.frames)+m.from.skipped))
		return
	}
	switch m.from.socket {
	case zmtp.Pub, zmtp.XPub:
		m.publication()
	case zmtp.Sub, zmtp.XSub:
		m.subscription()
	case zmtp.Push:
		m.plainTask()
	case zmtp.Req, zmtp.Dealer, zmtp.Rep, zmtp.Router:
		switch {
		case m.pipeline():
			m.verb()
		case m.requests():
			m.request()
		default:
			m.reply()
		}
	default:
		m.add("frames", fmt.Sprint(len(m.frames)))
	}
}

// subscription describes a subscription of a peer before ZMTP 3.1, which is a
// message.
func (m *message) subscription() {
	if len(m.frames) != 1 || len(m.frames[0]) == 0 || m.frames[0][0] > 1 {
		return
	}
	m.Name = "unsubscribe"
	if m.frames[0][0] == 1 {
		m.Name = "subscribe"
	}
	m.Subject = string(m.frames[0][1:])
}

func (m *message) publication() {
	p, err := wire.ParsePublication(m.frames)
	if err != nil {
		m.broken(err)
		return
	}
	m.Name = "publication"
	if p.Bare() {
		m.Body = 0
		m.addFlag("bare", true)
		return
	}
	m.Subject, m.Body = string(p.Topic), 1
	var h wire.PublicationHeader
	switch {
	case p.Header == nil:
	case h.Parse(p.Header):
		m.publicationHeader(&h)
	default:
		m.add("header", "malformed")
	}
}

func (m *message) publicationHeader(h *wire.PublicationHeader) {
	if h.Publisher != 0 {
		m.add("publisher", fmt.Sprintf("%016x", h.Publisher))
	}
	m.addNumber("position", h.Position)
	m.addNumber("previous", h.Previous)
	m.addNumber("sequence", h.Sequence)
	if !h.Time().IsZero() {
		m.add("time", h.Time().UTC().Format("2006-01-02T15:04:05.000000Z"))
	}
	m.addFlag("retained", h.Retained)
	m.addFlag("replayed", h.Replayed)
	if md, err := h.Metadata.Decode(); err == nil {
		m.metadata("metadata", md)
	}
}

func (m *message) plainTask() {
	m.Name = "task"
	if m.from.role == handshake.RoleResults || m.to.role == handshake.RoleSink && m.from.role != handshake.RoleVentilator {
		m.Name = "result"
	}
	if len(m.frames) == 1 {
		m.Body = 0
		m.addFlag("bare", true)
		return
	}
	t, err := wire.ParsePlainTask(m.frames, false)
	if err != nil {
		m.broken(err)
		return
	}
	m.Subject = string(t.Procedure)
	if t.Control() {
		m.Name = "notice"
	} else {
		m.Body = 1
	}
	m.taskHeader(t.Header)
}

func (m *message) taskHeader(header []byte) {
	h := wire.ParseTaskHeader(header)
	m.addNumber("attempt", uint64(h.Attempt))
	m.addDuration("lease", h.Lease)
	m.addFlag("stop", h.Stop)
	if b := h.Batch; b != nil {
		m.add("batch", b.Name)
		m.addNumber("batch-tasks", b.Tasks)
		m.addNumber("batch-failed", b.Failed)
		m.addFlag("batch-ended", b.Ended)
		m.addFlag("batch-complete", b.Complete)
	}
	m.metadata("metadata", h.Metadata)
	m.metadata("result-metadata", h.ResultMetadata)
}

// metadata adds entries sorted by key.
func (m *message) metadata(name string, md wire.Metadata) {
	keys := make([]string, 0, len(md))
	for key := range md {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		for _, value := range md[key] {
			m.add(name+"."+key, value)
		}
	}
}

// broken says that a message makes no sense to this protocol, which a plain
// ZeroMQ peer is free to do.
func (m *message) broken(err error) {
	m.Name = "message"
	m.add("frames", fmt.Sprint(len(m.frames)))
	m.Error = err.Error()
}
