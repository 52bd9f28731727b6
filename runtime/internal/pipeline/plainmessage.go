package pipeline

import "github.com/gozmq/gozmq/runtime/internal/wire"

// A PlainMessage is a task or a result with at-most-once delivery, as a
// socket.Message.
type PlainMessage struct {
	Procedure string
	Bare      bool
	Header    []byte // nil: none
	Body      wire.Body
}

// AppendMessage appends the frames; the body is encoded straight into place.
func (m *PlainMessage) AppendMessage(b []byte) ([]byte, error) {
	if !m.Bare {
		b = wire.AppendPlainProcedure(b, m.Procedure)
	}
	b, err := m.Body.AppendBody(b, wire.PlainBodyFlags(m.Header))
	return wire.AppendPlainHeader(b, m.Header), err
}
