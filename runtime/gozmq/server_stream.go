package gozmq

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/socket"
	ofstreams "github.com/gozmq/gozmq/runtime/internal/stream"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A serverStream is one call with several messages, as its handler and the engine
// see it (bridge.ServerStream).
type serverStream struct {
	server *Server
	method *Method
	call   *callContext
	handle func(context.Context, proto.Message, *serverStream) (proto.Message, error)
	on     *socket.RouterStream
	peer   *socket.RouterPeer

	hard   context.Context         // ends when nothing can be sent or received any more
	soft   context.CancelCauseFunc // ends the handler's
	cancel context.CancelCauseFunc // ends both
	unwait func() bool             // stops waiting for the end of hard
	watch  ofstreams.Watch
	served atomic.Bool // the handler was called
	done   atomic.Bool // and has returned
	old    atomic.Bool // the stream has reached its greatest age

	ages [2]*time.Timer

	headers sync.Once // sends the headers
	headErr error

	// The receiving goroutine's, or the reader's while it waits.
	into  proto.Message
	taken error

	received, sent atomic.Uint64
	waits          atomic.Bool

	resp    proto.Message // of a handler to which only the client streams
	refused bool          // the stream was not begun
}

var (
	errReturned     = &Error{Code: CodeFailedPrecondition, Message: "the handler of the stream has returned"}
	errGivenUp      = &Error{Code: CodeCanceled, Message: "the client has canceled the call"}
	errTooOld       = &Error{Code: CodeUnavailable, Message: "the stream is too old: open it again"}
	errStreamsOn    = &Error{Code: CodeUnavailable, Message: "the server is stopping: open the stream again"}
	errAstray       = &Error{Code: CodeFailedPrecondition, Message: "messages of the stream went elsewhere" + dealt}
	errBeyondCredit = &Error{Code: CodeResourceExhausted, Message: "message beyond the credit of the stream"}
	errUnread       = &Error{Code: CodeResourceExhausted, Message: "the handler has not received what was sent before, and the server keeps no more of that"}
	errSecond       = &Error{Code: CodeInvalidArgument, Message: "the method takes one request, and the client has sent another message"}
)

// openStream makes a stream of a call whose start was decoded, and returns its job.
func (c *serverCall) openStream(envelope wire.Envelope) socket.Job {
	s := &serverStream{server: c.server, method: c.handler.method, call: c.ctx, peer: c.peer}
	handler := c.handler.stream
	s.handle = func(ctx context.Context, req proto.Message, s *serverStream) (proto.Message, error) {
		return handler(ctx, req, s)
	}
	h := c.header.Stream
	s.on = c.peer.NewStream(envelope, h)
	s.on.Owner = s
	s.hard, s.soft, s.cancel = c.ctx.forStream()
	if !s.on.Open() {
		c.ctx.finish()
		c.leave()
		c.fail(Errorf(CodeInvalidArgument, "%s: a stream with this envelope is open already", s.method.Procedure))
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

// age starts the timers of WithMaxStreamAge.
func (s *serverStream) age() {
	d := s.server.cfg.maxAge
	if d == 0 {
		return
	}
	d += rand.N(d/10 + 1)
	s.ages[0] = time.AfterFunc(d, func() { s.old.Store(true); s.drain() })
	s.ages[1] = time.AfterFunc(d+s.server.cfg.drain, func() { s.abort(errTooOld, true) })
}

// drain tells the handler that the stream is to end. One that receives a stream and
// answers once is not told: it ends when the client does.
func (s *serverStream) drain() {
	if s.method.ServerStreams {
		s.soft(ErrDraining)
	}
}

// runStream carries the stream out and ends it.
func (c *serverCall) runStream() {
	s := c.stream
	err := c.await()
	if err == nil && errors.Is(context.Cause(c.ctx.context()), ErrDraining) {
		c.Refuse() // another server may have it
		return
	}
	if err == nil {
		s.watch.Idle, s.watch.Look, s.watch.End = c.server.cfg.idle, s.look, s.expire
		s.watch.Start()
		err = c.serve(c.ctx)
		s.resp = c.resp
		c.finish()
	}
	s.end(err)
	c.free()
}

// serve calls the handler (Next).
func (s *serverStream) serve(ctx context.Context, req proto.Message) (proto.Message, error) {
	if s.served.Swap(true) {
		return nil, Errorf(CodeFailedPrecondition, "%s: next was called twice for a stream", s.method.Procedure)
	}
	return s.handle(ctx, req, s)
}

// finish ends what runs beside the handler. s.end still has to be called.
func (s *serverStream) finish() {
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

// end ends the stream as the handler has returned.
func (s *serverStream) end(err error) {
	if err == nil {
		if _, err = s.on.Finish(errReturned, s.appendReply); err == nil {
			return
		}
	}
	err = s.drained(err)
	_, _ = s.on.Finish(errReturned, func(b []byte) ([]byte, error) {
		return wire.AppendFailure(b, encodeStatus(err, s.server.statusLimit(s.peer)), s.lastHeader())
	})
}

// drained returns err, or if it is that of a context that has ended because the
// stream is to end, an error that says so.
func (s *serverStream) drained(err error) error {
	of := s.call.context()
	if !errors.Is(context.Cause(of), ErrDraining) || !errors.Is(err, context.Canceled) && !errors.Is(err, ErrDraining) {
		return err
	}
	return s.whyDrained()
}

func (s *serverStream) whyDrained() *Error {
	if s.old.Load() {
		return errTooOld
	}
	return errStreamsOn
}

// appendReply appends the last reply of a stream that went well.
func (s *serverStream) appendReply(b []byte) ([]byte, error) {
	if meta := s.call.replyMetadata(); meta != nil {
		if err := meta.check(); err != nil {
			return b, Errorf(CodeInternal, "%w", err)
		}
	}
	var body wire.Body = wire.Encoded(nil)
	if s.resp != nil {
		body = &streamBody{&s.server.bodies, s.resp}
	}
	out, err := wire.AppendReply(b, body, s.lastHeader())
	if err != nil {
		return out, handlersFault(err)
	}
	return out, beyondClient(s.method, "reply", s.peer.Fits(out[len(b):]))
}

// handlersFault returns an error over a message that cannot be encoded as one
// of the handler.
func handlersFault(err error) error {
	err = fromStatus(err)
	if err != nil && CodeOf(err) == CodeInvalidArgument {
		return Errorf(CodeInternal, "%w", err)
	}
	return err
}

// lastHeader returns the header of the last reply.
func (s *serverStream) lastHeader() wire.ReplyHeader {
	if s.refused {
		return wire.ReplyHeader{Refused: true}
	}
	meta := s.call.replyMetadata()
	if meta == nil || meta.check() != nil {
		return wire.ReplyHeader{}
	}
	h := meta.header()
	sentBefore := true
	s.headers.Do(func() { sentBefore = false })
	if sentBefore {
		h.Headers = nil
	}
	return h
}

// hardEnded ends the stream when its context has ended without the handler.
func (s *serverStream) hardEnded() {
	if s.done.Load() {
		return // what the handler has returned is on its way
	}
	lost := s.peer.Err() != nil
	s.abort(s.cause(), !lost)
}

// why returns why the handler cannot go on.
func (s *serverStream) why() error {
	if s.done.Load() {
		return errReturned
	}
	return s.cause()
}

// cause returns why the stream's context has ended.
func (s *serverStream) cause() error {
	cause := context.Cause(s.hard)
	var coded *Error
	switch {
	case errors.As(cause, &coded):
		return coded
	case errors.Is(cause, errStopped):
		return errStreamsOn
	case errors.Is(cause, context.DeadlineExceeded), errors.Is(cause, context.Canceled) && s.peer.Err() == nil:
		return Errorf(CodeOf(cause), "%s: %w", s.method.Procedure, cause)
	}
	return Errorf(CodeUnavailable, "%s: the client is gone: %w", s.method.Procedure, cause)
}

// abort ends the stream with err while the handler may still run. tell says
// that the client gets the error.
func (s *serverStream) abort(err error, tell bool) {
	var appendEnd func(b []byte) ([]byte, error)
	if tell {
		appendEnd = func(b []byte) ([]byte, error) {
			return wire.AppendFailure(b, encodeStatus(err, s.server.statusLimit(s.peer)), wire.ReplyHeader{})
		}
	}
	if first, _ := s.on.Finish(err, appendEnd); first {
		s.cancel(err)
	}
}

// expire ends the stream because of a timeout.
func (s *serverStream) expire(err error) {
	s.abort(Errorf(CodeDeadlineExceeded, "%s: %w", s.method.Procedure, err), true)
}

// look says what the watch looks at.
func (s *serverStream) look() (all, received uint64, waits bool) {
	received = s.received.Load()
	return received + s.sent.Load(), received, s.waits.Load()
}
