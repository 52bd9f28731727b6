package answer

import (
	"context"
	"errors"
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/guarded"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/status"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A Work is one call from the view of the engine's user: its messages and its
// handler.
type Work interface {
	// CallContext returns the engine's part of the call's context.
	CallContext() *Context
	// Decode decodes the request. It is not called when the client sends a stream.
	Decode(body []byte) error
	// Serve calls the handler; s is nil for a call without streams. It may panic,
	// or end its goroutine.
	Serve(s *Stream) error
	// Panicked reports a panic of Serve, and returns the error for the caller.
	Panicked(p *guarded.PanicError) error
	// HasReply reports whether there is a reply message, which AppendBody appends.
	HasReply() bool
	wire.Body
	// Message gets the body of a message of a stream, which is valid during the
	// call only, and returns its fault, if any. It may be called in any goroutine
	// while Receive waits.
	Message(body []byte) error
	// Free is called when the call is over.
	Free()
}

// A Call is one request that is being carried out, as a socket.Job.
type Call struct {
	server   *Server
	peer     *socket.RouterPeer
	envelope []byte // as frames on the wire, the empty one included
	method   *Method
	work     Work
	ctx      *Context // nil: it has not begun
	first    []byte   // the first message, if the client sends a stream
	header   wire.RequestHeader
	id       uint64 // of a call that our client may cancel
	hasID    bool
	refused  bool
	stream   *Stream       // nil: the method has none
	turn     chan struct{} // closed when a waiting call may run; nil: it need not wait
}

var calls = sync.Pool{New: func() any { return new(Call) }}

// newCall returns a call with that envelope; free must be called.
func (s *Server) newCall(p *socket.RouterPeer, envelope wire.Envelope) *Call {
	c := calls.Get().(*Call)
	c.server, c.peer = s, p
	c.envelope = envelope.Append(c.envelope[:0])
	return c
}

// free returns the call to its pool, for another request.
func (c *Call) free() {
	if c.work != nil {
		c.work.Free()
	}
	*c = Call{envelope: c.envelope[:0]}
	if cap(c.envelope) > maxKeptEnvelope {
		c.envelope = nil
	}
	calls.Put(c)
}

const maxKeptEnvelope = 4 << 10

// Refuse answers the call with the error of a stopping server (socket.Job).
func (c *Call) Refuse() {
	c.finish()
	c.refused = true
	c.server.limiter.refused.Add(1)
	if c.stream != nil {
		c.stream.refused = true
	}
	c.fail(status.Errorf(status.Unavailable, "%s: the server is stopping", c.method.Procedure))
	c.free()
}

// Run carries out the request and answers it (socket.Job).
func (c *Call) Run() {
	if c.stream != nil {
		c.runStream()
		return
	}
	err := c.await()
	if err == nil {
		err = c.serve()
		c.finish()
	}
	if err == nil {
		err = c.reply(c.appendFitting)
	}
	if err != nil {
		c.fail(err)
	} else {
		c.method.ended(nil)
	}
	c.free()
}

// runStream carries out the stream and ends it.
func (c *Call) runStream() {
	s := c.stream
	err := c.await()
	if err == nil && errors.Is(context.Cause(c.ctx.context()), c.server.cfg.Draining) {
		c.Refuse() // another server may carry it out
		return
	}
	if err == nil {
		s.begin()
		err = c.serve()
		c.finish()
	}
	s.end(err)
	c.free()
}

// await waits until it is the call's turn. It returns an error when the call has no
// turn, or when its caller no longer waits.
func (c *Call) await() error {
	if c.turn != nil {
		select {
		case <-c.turn:
		case <-c.ctx.Done():
			why := c.ctx.Err()
			c.finish()
			return status.Errorf(status.CodeOf(why), "%s: waited for %d other calls: %w", c.method.Procedure, c.server.cfg.Concurrency, why)
		}
	}
	if over := c.ctx.over(); over != nil {
		c.finish()
		return status.Errorf(status.CodeOf(over), "%s: was not begun: %w", c.method.Procedure, over)
	}
	return nil
}

// finish ends the call for the receiver, whether it ran or only waited.
func (c *Call) finish() {
	if c.stream != nil {
		c.stream.finish()
	} else {
		c.server.calls.remove(c)
	}
	c.ctx.finish()
	c.leave()
}

// acquire takes a place for the call among the running or the waiting ones.
func (c *Call) acquire() error {
	s := c.server
	if c.method.streams() && !s.limiter.spares(int(c.peer.Held.Load())) {
		s.limiter.refused.Add(1)
		return status.Errorf(status.ResourceExhausted, "%s: the streams of this connection, or all together, take too many of the server's places (WithConcurrency)", c.method.Procedure)
	}
	var ok bool
	if c.turn, ok = s.limiter.acquire(); !ok {
		s.limiter.refused.Add(1)
		return status.Errorf(status.ResourceExhausted, "the server runs %d calls already, and %d wait", s.cfg.Concurrency, s.cfg.MaxWaiting)
	}
	if c.method.streams() {
		c.peer.Held.Add(1)
	}
	return nil
}

// leave frees the place.
func (c *Call) leave() {
	if c.method.streams() {
		c.peer.Held.Add(-1)
	}
	if c.turn == nil || !c.server.limiter.giveUp(c.turn) {
		c.server.limiter.release()
	}
}

// Pace returns the measure of how long the method runs (socket.Job). A call that
// must wait is never quick, nor is a stream.
func (c *Call) Pace() *socket.Pace {
	if c.turn != nil || c.stream != nil {
		return new(socket.Pace)
	}
	return &c.method.pace
}

// serve calls the handler. After runtime.Goexit in the handler it answers the call
// and does not return.
func (c *Call) serve() (err error) {
	guarded.Call(func() { err = c.work.Serve(c.stream) }, func(p *guarded.PanicError) {
		if p == nil {
			return
		}
		err = c.work.Panicked(p)
		if p.Goexit() {
			c.finish()
			c.fail(err)
		}
	})
	return err
}
