package gozmqtap

import (
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A Decoder turns the bytes of one connection into events. Its methods may be
// called from any goroutine. Its memory is bounded: 64 KiB of each frame and 64
// frames of each message are kept.
type Decoder struct {
	conn   int
	report func(*Event)

	mu    sync.Mutex // held while report runs
	sides map[Side]*flow
	calls calls
}

// NewDecoder returns a Decoder whose events have the number conn. It calls report
// with each of them, one at a time.
func NewDecoder(conn int, report func(*Event)) *Decoder {
	return &Decoder{
		conn: conn, report: report,
		sides: map[Side]*flow{SideDialer: {}, SideListener: {}},
		calls: calls{methods: make(map[string]string)},
	}
}

// Write decodes the next bytes that a side has sent. It keeps none of them.
func (d *Decoder) Write(side Side, p []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.sides[side]
	for len(p) > 0 && !f.broken {
		n, piece, err := f.next(p)
		p = p[n:]
		if err != nil {
			f.broken = true
			e := d.event(KindBroken, side)
			e.Error = err.Error()
			d.report(e)
			return
		}
		d.take(side, piece)
	}
}

// note reports an event that has no bytes.
func (d *Decoder) note(kind Kind, side Side, subject string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.event(kind, side)
	e.Subject = subject
	if err != nil {
		e.Error = err.Error()
	}
	d.report(e)
}

func (d *Decoder) event(kind Kind, side Side) *Event {
	return &Event{Time: time.Now(), Conn: d.conn, From: side, Kind: kind, Body: -1}
}

// take reports the message or command that a side's bytes have completed, if any.
func (d *Decoder) take(side Side, piece piece) {
	f := d.sides[side]
	switch piece {
	case pieceGreeting:
		e := d.event(KindGreeting, side)
		e.add("zmtp", "3."+decimal(f.greeting.Minor))
		e.add("mechanism", f.greeting.Mechanism)
		d.report(e)
	case pieceCommand:
		d.command(side)
	case pieceMessage:
		e := d.event(KindMessage, side)
		e.Frames, e.Size = f.frames, f.size
		if f.greeting.Mechanism == handshake.Curve {
			e.Kind, e.Name = KindSealed, commandMessage
		} else {
			d.describe(e)
		}
		f.frames, f.size, f.skipped = nil, 0, 0
		d.report(e)
	}
}

// describe describes a message.
func (d *Decoder) describe(e *Event) {
	from, to := d.sides[e.From], d.sides[e.From.other()]
	m := message{Event: e, from: from, to: to, calls: &d.calls}
	for _, f := range e.Frames {
		m.frames = append(m.frames, f.Data)
	}
	e.Name = "message"
	m.describe()
}

// command reports the command that a side has completed.
func (d *Decoder) command(side Side) {
	f := d.sides[side]
	frame := f.command
	f.command = Frame{}
	e := d.event(KindCommand, side)
	e.Size = frame.Size
	name, body, err := zmtp.ParseCommand(frame.Data)
	if err != nil {
		e.Error = err.Error()
		d.report(e)
		return
	}
	e.Name = string(name)
	e.Frames = []Frame{frame}
	describeCommand(e, f, body)
	d.report(e)
}
