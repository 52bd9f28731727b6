package answer

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/status"
	"github.com/gozmq/gozmq/runtime/internal/stream"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A Stream is one call with several messages. One goroutine at a time may call
// Receive, any number Send.
type Stream struct {
	server *Server
	method *Method
	work   Work
	ctx    *Context // the handler's
	on     *socket.RouterStream
	peer   *socket.RouterPeer

	hard   context.Context         // ends when nothing more can be sent or received
	soft   context.CancelCauseFunc // ends the handler's context
	cancel context.CancelCauseFunc // ends both
	unwait func() bool             // stops waiting for the end of hard
	watch  stream.Watch
	done   atomic.Bool // the handler has returned
	old    atomic.Bool // the stream has reached its maximum age

	ages [2]*time.Timer

	headers sync.Once // sends the headers
	headErr error

	taken error // a message's fault; used by the receiving goroutine, or by the reader while it waits

	received, sent atomic.Uint64 // counted where there is an idle timeout

	refused bool // the stream was not begun
}

// dealt explains in an error why messages of one stream may reach several servers.
const dealt = " (a proxy that deals messages to several servers cannot carry streams: use gozmq.Proxy)"

var (
	errReturned     = &status.Error{Code: status.FailedPrecondition, Message: "the handler of the stream has returned"}
	errGivenUp      = &status.Error{Code: status.Canceled, Message: "the client has canceled the call"}
	errTooOld       = &status.Error{Code: status.Unavailable, Message: "the stream is too old: open it again"}
	errStreamsOn    = &status.Error{Code: status.Unavailable, Message: "the server is stopping: open the stream again"}
	errAstray       = &status.Error{Code: status.FailedPrecondition, Message: "messages of the stream went elsewhere" + dealt}
	errNoStream     = &status.Error{Code: status.FailedPrecondition, Message: "no such stream here: it has ended, or its first message went elsewhere" + dealt}
	errBeyondCredit = &status.Error{Code: status.ResourceExhausted, Message: "message beyond the credit of the stream"}
	errUnread       = &status.Error{Code: status.ResourceExhausted, Message: "the handler has not received earlier messages, and the server keeps no more of them"}
	errSecond       = &status.Error{Code: status.InvalidArgument, Message: "the method takes one request, and the client has sent another message"}
)

// openStream makes the stream of a call whose start was decoded, and returns its
// job.
func (c *Call) openStream(envelope wire.Envelope) socket.Job {
	s := &Stream{server: c.server, method: c.method, work: c.work, ctx: c.ctx, peer: c.peer}
	h := c.header.Stream
	s.on = c.peer.NewStream(envelope, h)
	s.on.Owner = s
	s.hard, s.soft, s.cancel = c.ctx.forStream()
	if !s.on.Open() {
		c.ctx.finish()
		c.leave()
		c.fail(status.Errorf(status.InvalidArgument, "%s: a stream with this envelope is open already", s.method.Procedure))
		c.free()
		return nil
	}
	c.stream = s
	if s.method.ClientStreams && !h.NoMessage {
		_ = s.on.Push(c.first) // within the first credit
		c.first = nil
	}
	if h.End || !s.method.ClientStreams {
		s.on.CloseReceive()
	}
	s.unwait = context.AfterFunc(s.hard, s.hardEnded)
	if !c.server.streams.add(s) {
		c.Refuse()
		return nil
	}
	s.age()
	return c
}

// age starts the timers of the maximum age.
func (s *Stream) age() {
	d := s.server.cfg.MaxAge
	if d == 0 {
		return
	}
	d += rand.N(d/10 + 1)
	s.ages[0] = time.AfterFunc(d, func() { s.old.Store(true); s.drain() })
	s.ages[1] = time.AfterFunc(d+s.server.cfg.Drain, func() { s.abort(errTooOld, true) })
}

// drain notifies the handler that the stream must end. It does not notify a handler
// that receives a stream and answers once, which ends with the client's messages.
func (s *Stream) drain() {
	if s.method.ServerStreams {
		s.soft(s.server.cfg.Draining)
	}
}

// begin is called before the handler.
func (s *Stream) begin() {
	s.watch.Idle, s.watch.Look, s.watch.End = s.server.cfg.Idle, s.look, s.expire
	s.watch.Start()
}

// finish ends the timers and waits beside the handler. The caller must still call
// s.end.
func (s *Stream) finish() {
	s.done.Store(true)
	s.server.streams.remove(s)
	s.on.Discard()
	s.unwait()
	s.watch.Stop()
	for _, t := range s.ages {
		if t != nil {
			t.Stop()
		}
	}
}

// expire ends the stream because of a timeout.
func (s *Stream) expire(err error) {
	s.abort(status.Errorf(status.DeadlineExceeded, "%s: %w", s.method.Procedure, err), true)
}

// look returns the counts that the watch compares.
func (s *Stream) look() (all, received uint64, waits bool) {
	received = s.received.Load()
	return received + s.sent.Load(), received, false
}

// draining reports whether ctx has ended because the stream must end.
func (s *Stream) draining(ctx context.Context) bool {
	return errors.Is(context.Cause(ctx), s.server.cfg.Draining)
}
