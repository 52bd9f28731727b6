package gozmq

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/socket"
)

// Stream returns a call of a method with streams (Caller). What its methods return
// when the call fails is what Call returns.
func (c *Conn) Stream(ctx context.Context, m *Method, opts ...CallOption) Stream {
	o := callOptions{timeout: m.Timeout}
	for _, opt := range opts {
		opt.applyCall(&o)
	}
	s := newClientStream(ctx, c, m, o)
	h := &streamHandle{s}
	runtime.AddCleanup(h, (*clientStream).Close, s)
	return h
}

// A streamHandle is what a caller has of a stream. When the caller drops it the
// stream is canceled.
type streamHandle struct{ s *clientStream }

func (h *streamHandle) Send(ctx context.Context, m proto.Message) error {
	defer runtime.KeepAlive(h)
	return h.s.Send(ctx, m)
}

func (h *streamHandle) CloseSend(ctx context.Context) error {
	defer runtime.KeepAlive(h)
	return h.s.CloseSend(ctx)
}

func (h *streamHandle) Receive(ctx context.Context, m proto.Message) (more bool, err error) {
	defer runtime.KeepAlive(h)
	return h.s.Receive(ctx, m)
}

func (h *streamHandle) Close() {
	defer runtime.KeepAlive(h)
	h.s.Close()
}

// A clientStream is one call with several messages, over all of its attempts.
type clientStream struct {
	conn    *Conn
	method  *Method
	options callOptions
	call    context.Context // ends the stream
	release context.CancelFunc
	chain   *streamChain // of interceptors; nil: there are none. Set before current is
	watch   streamWatch

	// starting holds one value while a goroutine begins the stream, or begins it
	// again; it owns the next fields.
	starting chan struct{}
	with     context.Context // call, as the interceptors have it; nil before begin
	first    []byte          // the first message, where hasFirst is true
	hasFirst bool
	ends     bool // the start says that no message follows
	tries    tries

	current atomic.Pointer[socket.DealerStream]
	leg     *clientStream // the hedge that was first; the receiving goroutine's
	inner   bool          // is a hedge, which has no interceptors

	// The receiving goroutine's, or of whoever reads for it.
	into  proto.Message
	taken error // what was wrong with the message
	told  bool  // replyMetadata has the headers

	received atomic.Uint64
	sent     atomic.Uint64
	waits    atomic.Bool // Receive does

	mu     sync.Mutex
	over   bool
	result error
	unwait func() bool // stops waiting for the end of call; nil: does not yet
	// opening says that open looks after the end of call; giveUp ends what waits
	// for a server when the stream is over, if not nil.
	opening bool
	giveUp  context.CancelFunc

	legContext context.Context // of the hedges; nil: there are none yet
}

func newClientStream(ctx context.Context, c *Conn, m *Method, o callOptions) *clientStream {
	s := &clientStream{conn: c, method: m, options: o, call: ctx, starting: make(chan struct{}, 1)}
	s.release = func() {}
	if o.timeout != 0 {
		s.call, s.release = context.WithTimeout(ctx, o.timeout)
	}
	s.watch.idle, s.watch.message = o.idle, o.message
	s.watch.end, s.watch.look = s.expire, s.look
	return s
}

// Send sends one message (Stream).
func (s *clientStream) Send(ctx context.Context, m proto.Message) error {
	if err := ctx.Err(); err != nil {
		return contextError(err, s.method)
	}
	st := s.current.Load()
	if st == nil {
		sent, err := s.begin(ctx, m, !s.method.ClientStreams)
		if sent || err != nil {
			return s.unlessEnded(err)
		}
		st = s.current.Load()
	}
	if err := s.oneRequest(); err != nil {
		return err
	}
	if s.chain != nil {
		if err := s.chain.info.message(m, true); err != nil {
			return err
		}
	}
	return s.send(ctx, st, m)
}

// send sends a message that is not the first.
func (s *clientStream) send(ctx context.Context, st *socket.DealerStream, m proto.Message) error {
	body := streamBodies.Get().(*streamBody)
	body.bodies, body.m = &s.conn.bodies, m
	defer body.free()
	for {
		err := st.Send(ctx, body)
		switch {
		case err == nil:
			s.sent.Add(1)
			return nil
		case errors.Is(err, socket.ErrStreamClosed):
			return Errorf(CodeFailedPrecondition, "%s: Send after CloseSend", s.method.Procedure)
		case !errors.Is(err, socket.ErrStreamOver):
			return callError(err, s.method)
		}
		next, final, err := s.again(ctx, st)
		switch {
		case err != nil:
			return err
		case next == nil:
			return s.whyOver(final)
		}
		st = next
	}
}

// whyOver returns what Send returns when the call is over, with that error if any.
func (s *clientStream) whyOver(final error) error {
	if final != nil {
		return final
	}
	return Errorf(CodeFailedPrecondition, "%s: the call is over", s.method.Procedure)
}

// unlessEnded returns err, of begin; nil when the interceptors have ended the call
// well instead of beginning it.
func (s *clientStream) unlessEnded(err error) error {
	if over, result := s.ended(); err != nil && over && result == nil {
		return nil
	}
	return err
}

// CloseSend says that no message will follow (Stream).
func (s *clientStream) CloseSend(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return contextError(err, s.method)
	}
	if !s.method.ClientStreams {
		return nil
	}
	st := s.current.Load()
	if st == nil {
		begun, err := s.begin(ctx, nil, true)
		if begun || err != nil {
			return s.unlessEnded(err)
		}
		st = s.current.Load()
	}
	for st != nil {
		if st.CloseSend() == nil {
			return nil
		}
		next, final, err := s.again(ctx, st)
		if err != nil || next == nil {
			return cmp.Or(err, final) // to close a call that went well is no error
		}
		st = next
	}
	_, err := s.ended()
	return err
}

// Receive waits for the next message (Stream).
func (s *clientStream) Receive(ctx context.Context, m proto.Message) (more bool, err error) {
	if err := ctx.Err(); err != nil {
		return s.interrupted(err)
	}
	s.waits.Store(true)
	defer s.waits.Store(false)
	if s.hedges() {
		return s.receiveHedged(ctx, m)
	}
	if over, _ := s.ended(); over {
		return s.afterEnd(m)
	}
	if s.current.Load() == nil {
		if _, err := s.begin(ctx, nil, false); err != nil {
			return s.failed(err)
		}
	}
	for st := s.current.Load(); ; {
		if over, _ := s.ended(); over {
			return s.afterEnd(m)
		}
		s.into, s.taken = m, nil
		ok, err := st.Receive(ctx, s)
		s.into = nil
		switch {
		case err != nil:
			return s.interrupted(err)
		case ok:
			return s.accept(st, m)
		}
		next, final, err := s.again(ctx, st)
		switch {
		case err != nil:
			return s.failed(err)
		case next == nil:
			return s.conclude(st, final, m)
		}
		st = next
	}
}

// afterEnd returns what Receive returns when the call is over. When
// interceptors have answered in place of the server, that is their reply, once.
func (s *clientStream) afterEnd(m proto.Message) (more bool, err error) {
	if err := s.outcome(); err != nil {
		return false, err
	}
	if c := s.chain; c != nil && c.skip && !s.method.ServerStreams && c.got != nil {
		more, err = c.replace(m)
		c.got = nil
	}
	return more, err
}

// failed returns what Receive returns after an error of begin or again: the
// call goes on if only the wait for it has ended.
func (s *clientStream) failed(err error) (more bool, _ error) {
	if over, _ := s.ended(); over {
		return false, s.outcome()
	}
	return true, err
}

// interrupted returns what Receive returns when its context has ended, which may be
// that of the call.
func (s *clientStream) interrupted(err error) (more bool, _ error) {
	if s.call.Err() != nil {
		s.cancel(contextError(s.call.Err(), s.method))
		return false, s.outcome()
	}
	return true, contextError(err, s.method)
}

// Take decodes a message (socket.Taker).
func (s *clientStream) Take(body []byte) {
	s.received.Add(1)
	if err := s.conn.bodies.decode(body, s.into); err != nil {
		s.taken = Errorf(CodeInternal, "%s: decode %s of %d bytes: %w", s.method.Procedure, nameOf(s.into), len(body), err)
	}
}
