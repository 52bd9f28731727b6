package answer

import (
	"errors"

	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/status"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A receiver makes calls of the requests that a Server's socket has read
// (socket.Receiver).
type receiver struct{ server *Server }

// Receive decodes a request. It answers a request that cannot be carried out at
// once, if the framing allows an answer.
func (r receiver) Receive(p *socket.RouterPeer, frames [][]byte) socket.Job {
	s := r.server
	if wire.IsProbe(frames) {
		return nil
	}
	envelope, content, ok := wire.SplitEnvelope(frames)
	if !ok {
		p.Malformed("%w", wire.NoEnvelope(frames))
		return nil
	}
	if s.bare == nil && wire.Streamed(content) {
		if job, ok := s.streamMessage(p, envelope, content); ok {
			return job
		}
	}
	c := s.newCall(p, envelope)
	if c.id, c.hasID = envelope.CallID(); !p.Gozmq() {
		c.hasID = false
	}
	err := c.decode(content)
	if err == errCancel {
		s.calls.cancel(c)
		c.free()
		return nil
	}
	if err == nil {
		err = c.acquire()
	}
	if err != nil {
		c.fail(err)
		c.free()
		return nil
	}
	c.ctx = c.work.CallContext()
	c.ctx.begin(p, c.header.Timeout)
	if c.method.streams() {
		return c.openStream(envelope)
	}
	s.calls.add(c)
	return c
}

// TooLarge answers a request that was not read because it is larger than the
// server's limit (socket.Receiver). Bare framing has no room for an answer.
func (r receiver) TooLarge(p *socket.RouterPeer, frames [][]byte, size *zmtp.SizeError) bool {
	envelope, content, ok := wire.SplitEnvelope(frames)
	if !ok || r.server.bare != nil {
		return false
	}
	p.Malformed("a request was passed over: %w", size)
	if procedure, ok := wire.Procedure(content); ok && len(procedure) == 0 && r.server.streamTooLarge(p, envelope, size) {
		return true
	}
	c := r.server.newCall(p, envelope)
	c.fail(c.tooLarge(content, size))
	c.free()
	return true
}

// tooLarge returns the error for a request that is too large. content are the
// frames after its envelope that were read.
func (c *Call) tooLarge(content [][]byte, size *zmtp.SizeError) error {
	what := "request"
	if procedure, ok := wire.Procedure(content); ok {
		if err := c.find(procedure); err != nil {
			return err
		}
		what = c.method.Procedure + ": request"
	}
	return status.Errorf(status.ResourceExhausted, "%s of at least %d bytes exceeds the server's limit of %d (send less, or raise it with WithMaxMessageSize of NewServer)", what, size.Size, size.Limit)
}

// errCancel says that a request cancels an earlier one.
var errCancel = errors.New("cancel")

// decode finds the method and decodes the frames after the envelope.
func (c *Call) decode(content [][]byte) error {
	var body []byte
	var err error
	if c.method = c.server.bare; c.method != nil {
		body, err = wire.ParseBareBody("request", content)
	} else {
		body, err = c.decodeRequest(content)
	}
	switch {
	case err == errCancel:
		return err
	case err != nil:
		return status.Input(err)
	}
	if c.method.streams() || c.header.Stream.Present {
		if err := c.checkStart(); err != nil {
			return err
		}
	}
	c.work = c.method.NewWork(c.peer, c.header.Metadata)
	if c.method.ClientStreams {
		c.first = append([]byte(nil), body...)
		return nil
	}
	return c.work.Decode(body)
}

// decodeRequest decodes everything except the body, which it returns.
func (c *Call) decodeRequest(content [][]byte) (body []byte, err error) {
	r, err := wire.ParseRequest(content)
	if err != nil {
		return nil, err
	}
	if c.hasID && r.Cancels() {
		return nil, errCancel
	}
	c.header = r.Header
	return r.Body, c.find(r.Procedure)
}

// find finds a method.
func (c *Call) find(procedure []byte) error {
	if c.method = c.server.methods[string(procedure)]; c.method == nil {
		return status.Errorf(status.Unimplemented, "method %q is not known here (is its service registered?)", wire.Excerpt(procedure))
	}
	return nil
}

// checkStart checks that a request starts a stream exactly if its method has one,
// and that the start is valid.
func (c *Call) checkStart() error {
	m, h := c.method, c.header.Stream
	switch {
	case !m.streams():
		return status.Errorf(status.FailedPrecondition, "%s has no streams here, and was called as if it had", m.Procedure)
	case !h.Present:
		return status.Errorf(status.FailedPrecondition, "%s has streams here, and was called without (a client made from an older version of the service, or one that cannot do streams)", m.Procedure)
	case len(c.envelope) > maxStreamEnvelope:
		c.peer.Malformed("%s: stream with an envelope of more than %d bytes", m.Procedure, maxStreamEnvelope)
		return status.Errorf(status.InvalidArgument, "%s: a stream's envelope has at most %d bytes", m.Procedure, maxStreamEnvelope)
	case c.peer.SocketType == zmtp.Req:
		return status.Errorf(status.FailedPrecondition, "%s has streams, of which a REQ takes only the first reply: use a DEALER", m.Procedure)
	case !m.ClientStreams && h.NoMessage:
		return status.Errorf(status.InvalidArgument, "%s: the first message of the stream has no request", m.Procedure)
	}
	return nil
}

// maxStreamEnvelope is the longest envelope of a stream, which is kept as long as
// the stream is. Each proxy on the way adds some bytes.
const maxStreamEnvelope = 4 << 10
