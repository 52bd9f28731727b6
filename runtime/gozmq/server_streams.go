package gozmq

import (
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// runningStreams are the streams that a server carries out. The zero value is
// ready.
type runningStreams struct {
	mu       sync.Mutex
	list     map[*serverStream]struct{}
	draining bool
}

// add returns false when the server is stopping.
func (r *runningStreams) add(s *serverStream) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.draining {
		return false
	}
	if r.list == nil {
		r.list = make(map[*serverStream]struct{})
	}
	r.list[s] = struct{}{}
	return true
}

func (r *runningStreams) remove(s *serverStream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.list, s)
}

// drain tells every handler that its stream is to end, and lets none begin.
func (r *runningStreams) drain() {
	r.mu.Lock()
	r.draining = true
	list := make([]*serverStream, 0, len(r.list))
	for s := range r.list {
		list = append(list, s)
	}
	r.mu.Unlock()
	for _, s := range list {
		s.drain()
	}
}

// dealt says in an error how the messages of a stream come to several servers.
const dealt = " (a proxy that deals messages to several servers cannot carry streams: use gozmq.Proxy)"

// errNoStream is the end of a stream that is not known.
var errNoStream = &Error{Code: CodeFailedPrecondition, Message: "no such stream here: it has ended, or its first message went elsewhere" + dealt}

// streamMessage handles a message that is not the first of its stream. It returns
// false for one that may be about a call.
func (s *Server) streamMessage(p *socket.RouterPeer, envelope wire.Envelope, content [][]byte) (job socket.Job, ok bool) {
	open, ended := p.Stream(envelope)
	r, err := wire.ParseRequest(content)
	if open != nil {
		stream := open.Owner.(*serverStream)
		if err != nil {
			p.Malformed("stream: %w", err)
			stream.abort(inputError(err), true)
			return nil, true
		}
		if !stream.receive(&r) {
			return nil, true
		}
		return socket.Handled, true
	}
	_, isCall := envelope.CallID() // which our clients cancel the same way
	switch {
	case ended && p.Late():
		return socket.Handled, true
	case ended, err == nil && r.Header.Cancel && !(isCall && p.Gozmq()):
		return nil, true
	case err != nil, !r.InStream():
		return nil, false
	}
	c := newServerCall(s, p, envelope)
	c.fail(errNoStream)
	c.free()
	return nil, true
}

// streamTooLarge ends a stream of which a message is too large. It returns
// false when there is no such stream.
func (s *Server) streamTooLarge(p *socket.RouterPeer, envelope wire.Envelope, size *zmtp.SizeError) bool {
	open, ended := p.Stream(envelope)
	if open == nil {
		return ended
	}
	stream := open.Owner.(*serverStream)
	stream.abort(Errorf(CodeResourceExhausted, "%s: message of at least %d bytes exceeds the server's limit of %d (send less, or raise it with WithMaxMessageSize of NewServer)", stream.method.Procedure, size.Size, size.Limit), true)
	return true
}

// decodeStart looks at the first message of a stream, or at a call that should
// be one or should not. done says that there is no request to decode.
func (c *serverCall) decodeStart(body []byte) (done bool, err error) {
	m, h := c.handler.method, c.header.Stream
	switch {
	case c.handler.stream == nil:
		return false, Errorf(CodeFailedPrecondition, "%s has no streams here, and was called as if it had", m.Procedure)
	case !h.Present:
		return false, Errorf(CodeFailedPrecondition, "%s has streams here, and was called without (a client made from an older version of the service, or one that cannot do streams)", m.Procedure)
	case c.envelopeTooLong():
		c.peer.Malformed("%s: stream with an envelope of more than %d bytes", m.Procedure, maxStreamEnvelope)
		return false, Errorf(CodeInvalidArgument, "%s: a stream's envelope has at most %d bytes", m.Procedure, maxStreamEnvelope)
	case c.peer.SocketType == zmtp.Req:
		return false, Errorf(CodeFailedPrecondition, "%s has streams, of which a REQ takes only the first reply: use a DEALER", m.Procedure)
	case m.ClientStreams:
		c.first = append([]byte(nil), body...)
		return true, nil
	case h.NoMessage:
		return false, Errorf(CodeInvalidArgument, "%s: the first message of the stream has no request", m.Procedure)
	}
	return false, nil
}

// maxStreamEnvelope is the longest envelope of a stream, which is kept as long as
// the stream is. Each proxy on the way adds some bytes.
const maxStreamEnvelope = 4 << 10

func (c *serverCall) envelopeTooLong() bool { return len(c.envelope) > maxStreamEnvelope }
