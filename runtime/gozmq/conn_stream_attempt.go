package gozmq

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// hold lets the caller begin the stream, or begin it again, until it calls free. It
// fails when ctx ends first.
func (s *clientStream) hold(ctx context.Context) (free func(), err error) {
	select {
	case s.starting <- struct{}{}:
		return func() { <-s.starting }, nil
	case <-ctx.Done():
		return nil, contextError(ctx.Err(), s.method)
	}
}

// begin sends the start, with m as the first message unless it is nil; ends
// says that no message will follow. It returns false without an error when
// another goroutine has sent the start. When only ctx has ended, the stream can
// begin later.
func (s *clientStream) begin(ctx context.Context, m proto.Message, ends bool) (sent bool, err error) {
	free, err := s.hold(ctx)
	if err != nil {
		return false, err
	}
	defer free()
	if over, err := s.ended(); over {
		return false, s.whyOver(err)
	}
	if s.current.Load() != nil || m != nil && s.hasFirst {
		return false, s.oneRequest()
	}
	if m, err = s.prepare(ctx, m); err != nil {
		return false, err
	}
	if m != nil {
		if s.first, err = s.conn.bodies.encode(m); err != nil {
			return false, err
		}
		s.hasFirst = true
	}
	s.ends = s.ends || ends
	s.sent.Add(1)
	if s.hedges() {
		return true, nil
	}
	return true, s.open(ctx)
}

// oneRequest returns why a further message cannot be sent, nil if it can.
func (s *clientStream) oneRequest() error {
	if s.method.ClientStreams {
		return nil
	}
	return Errorf(CodeFailedPrecondition, "%s: the call has one request, and it was sent", s.method.Procedure)
}

// prepare calls the interceptors, once, and looks at the first message. It returns
// the one to send.
func (s *clientStream) prepare(ctx context.Context, m proto.Message) (proto.Message, error) {
	switch {
	case s.method.Bare:
		return nil, s.fail(Errorf(CodeUnimplemented, "%s: bare framing cannot carry streams", s.method.Procedure))
	case !s.method.ClientStreams && m == nil && !s.hasFirst:
		return nil, Errorf(CodeFailedPrecondition, "%s: the request has to be sent first", s.method.Procedure)
	}
	if s.conn.interceptor == nil || s.inner {
		return m, s.wait(s.call)
	}
	request := m
	if s.method.ClientStreams {
		request = nil
	}
	if s.chain == nil {
		chain := newStreamChain(s, request)
		s.mu.Lock()
		s.chain = chain
		s.mu.Unlock()
		go chain.run()
	}
	call, req, err := s.chain.begin(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.wait(call); err != nil {
		return nil, err
	}
	if !s.method.ClientStreams {
		return req, nil
	}
	if m != nil {
		err = s.chain.info.message(m, true)
	}
	return m, err
}

// wait lets the end of call, the call's context, end the stream.
func (s *clientStream) wait(call context.Context) error {
	if meta := outgoing(call); meta.err != nil {
		return s.fail(meta.err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over || s.unwait != nil {
		return nil
	}
	s.with = call
	s.unwait = func() bool { return true }
	if call.Done() != nil {
		s.unwait = context.AfterFunc(call, s.callEnded)
	}
	s.watch.start()
	return nil
}

// callEnded ends the stream because its call's context has ended, unless open is
// about to, which knows why no server was there.
func (s *clientStream) callEnded() {
	s.mu.Lock()
	opening := s.opening
	s.mu.Unlock()
	if !opening {
		s.cancel(contextError(s.with.Err(), s.method))
	}
}

// beginOpening has open look after the end of the call, until endOpening.
func (s *clientStream) beginOpening() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opening = true
}

func (s *clientStream) endOpening() {
	s.mu.Lock()
	s.opening = false
	s.mu.Unlock()
	if err := s.with.Err(); err != nil {
		s.cancel(contextError(err, s.method))
	}
}

// fail ends the call with err, and returns what it has ended with.
func (s *clientStream) fail(err error) error {
	s.finish(err)
	return s.outcome()
}

// open opens the stream at a server, trying again as the method allows.
// s.starting is held.
func (s *clientStream) open(ctx context.Context) error {
	s.beginOpening()
	defer s.endOpening()
	both, stop := s.both(ctx)
	defer stop()
	for {
		ready := s.conn.ready
		if s.options.wait {
			ready = 0
		}
		st, err := s.conn.dealer.OpenStream(both, s.with.Done(), s, ready)
		if err == nil {
			if s.ends {
				st.StartClosed()
			}
			s.current.Store(st)
			if over, err := s.ended(); over {
				st.Cancel(err)
			}
			return nil
		}
		callErr := s.with.Err()
		switch over, _ := s.ended(); {
		case over:
			return s.whyOver(s.outcome())
		case callErr == nil && ctx.Err() != nil:
			return contextError(ctx.Err(), s.method)
		case errors.Is(err, callErr):
			return s.fail(contextError(err, s.method)) // which says what there was to wait for
		case callErr != nil:
			return s.fail(contextError(callErr, s.method))
		}
		if err = callError(err, s.method); !s.tryAgain(both, err, false) {
			return s.fail(err)
		}
	}
}

// both returns a context that ends with ctx, with the call's, and when the stream,
// which has begun, is over. stop must be called.
func (s *clientStream) both(ctx context.Context) (both context.Context, stop func()) {
	both, cancel := context.WithCancel(s.with)
	unlink := func() bool { return true }
	if done := ctx.Done(); done != nil && done != s.with.Done() {
		unlink = context.AfterFunc(ctx, cancel)
	}
	s.mu.Lock()
	s.giveUp = cancel
	over := s.over
	s.mu.Unlock()
	if over {
		cancel()
	}
	return both, func() {
		unlink()
		cancel()
	}
}

// AppendStart appends the stream's first message (socket.StreamStart).
func (s *clientStream) AppendStart(b []byte) (out []byte, size int, err error) {
	h := wire.RequestHeader{
		Metadata: wire.Metadata(outgoing(s.with).entries),
		Stream: wire.Stream{
			Present: true, Messages: socket.FirstWindow.Messages, Bytes: socket.FirstWindow.Bytes,
			NoMessage: !s.hasFirst, End: s.ends,
		},
	}
	if deadline, ok := s.with.Deadline(); ok {
		h.Timeout = max(time.Until(deadline), 1)
	}
	out, err = wire.AppendRequest(b, s.method.Procedure, encodedBody(s.first), h)
	if size = len(s.first); !s.hasFirst {
		size = -1
	}
	return out, size, inputError(err)
}

// An encodedBody is a body that is encoded already (wire.Body).
type encodedBody []byte

// AppendBody appends the body as one frame.
func (e encodedBody) AppendBody(b []byte, flags byte) ([]byte, error) {
	return zmtp.AppendFrame(b, flags, e), nil
}

// again begins the stream anew when the attempt st is over, if it may, and returns
// the new attempt; nil when the call is over, and then the error that it ends with.
// err is why the caller does not wait any longer.
func (s *clientStream) again(ctx context.Context, st *socket.DealerStream) (next *socket.DealerStream, final, err error) {
	select {
	case <-st.Over():
	case <-ctx.Done():
		return nil, nil, contextError(ctx.Err(), s.method)
	}
	free, err := s.hold(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer free()
	if over, _ := s.ended(); over {
		return nil, s.outcome(), nil
	}
	if current := s.current.Load(); current != st {
		return current, nil, nil
	}
	gone, moves, final := s.judge(st)
	if final == nil || st.Answered() || st.Spoken() {
		return nil, final, nil
	}
	if !moves {
		both, stop := s.both(ctx)
		moves = s.tryAgain(both, final, gone)
		stop()
	}
	if !moves {
		return nil, final, nil
	}
	if err := s.open(ctx); err != nil {
		if over, _ := s.ended(); over {
			return nil, err, nil
		}
		return nil, nil, err
	}
	return s.current.Load(), nil, nil
}

// judge returns what an attempt has ended with. gone says that this is the
// error of a server that went, or that is stopping and has done nothing; moves,
// that no server has done anything and there may be another one.
func (s *clientStream) judge(st *socket.DealerStream) (gone, moves bool, final error) {
	end, _ := st.End()
	var size *zmtp.SizeError
	switch {
	case end.Err == nil:
	case errors.As(end.Err, &size):
		return false, false, Errorf(CodeResourceExhausted, "%s: message of at least %d bytes exceeds the client's limit of %d (ask for less, or raise it with WithMaxMessageSize of Dial)", s.method.Procedure, size.Size, size.Limit)
	case errors.As(end.Err, new(*socket.LostError)):
		return true, end.Unsent, callError(end.Err, s.method)
	case errors.As(end.Err, new(*Error)):
		return false, false, end.Err
	default:
		return false, false, Errorf(CodeInternal, "%s: %w", s.method.Procedure, end.Err)
	}
	if !end.Reply.Failed() {
		return false, false, nil
	}
	h, _ := wire.ParseReplyHeader(end.Reply.Header)
	moves = h.Refused && st.AvoidPeer(s.conn.dealer)
	return h.Refused, moves, parseStatus(end.Reply.Status)
}

// tryAgain reports whether the call is tried again after err (tries.next). Only one
// whose client sends no stream is: what else was sent is gone.
func (s *clientStream) tryAgain(ctx context.Context, err error, gone bool) bool {
	return !s.method.ClientStreams && s.tries.next(ctx, s.conn, s.method, gone, err)
}
