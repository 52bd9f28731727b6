package call

import (
	"context"
	"errors"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/status"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// hold gives the caller the right to begin the stream, or begin it again, until it
// calls free. It fails when ctx ends first.
func (s *Stream) hold(ctx context.Context) (free func(), err error) {
	select {
	case s.starting <- struct{}{}:
		return func() { <-s.starting }, nil
	case <-ctx.Done():
		return nil, contextError(ctx.Err(), s.method.Procedure)
	}
}

// begin sends the start, with m as the first message unless it is nil, and with the
// half-close if ends is set. It returns false without an error when another
// goroutine has sent the start. When only ctx has ended, the stream can begin
// later.
func (s *Stream) begin(ctx context.Context, m wire.Body, ends bool) (sent bool, err error) {
	free, err := s.hold(ctx)
	if err != nil {
		return false, err
	}
	defer free()
	if over, err := s.Over(); over {
		return false, s.whyOver(err)
	}
	if s.current.Load() != nil || m != nil && s.hasFirst {
		return false, s.oneRequest()
	}
	if err := s.prepare(ctx, m); err != nil {
		return false, err
	}
	s.ends = s.ends || ends
	s.sent.Add(1)
	if s.hedges() {
		return true, nil
	}
	return true, s.open(ctx)
}

// prepare lets the owner begin, and encode the first message.
func (s *Stream) prepare(ctx context.Context, m wire.Body) error {
	switch {
	case s.method.Bare:
		return s.Fail(status.Errorf(status.Unimplemented, "%s: bare framing cannot carry streams", s.method.Procedure))
	case !s.method.ClientStreams && m == nil && !s.hasFirst:
		return s.requestFirst()
	}
	call, metadata, err := s.owner.Begin(ctx, m)
	if err != nil {
		return err
	}
	s.wait(call, metadata)
	first, err := s.owner.First(m)
	if first != nil {
		s.first, s.hasFirst = first, true
	}
	return err
}

func (s *Stream) requestFirst() error {
	return status.Errorf(status.FailedPrecondition, "%s: the request has to be sent first", s.method.Procedure)
}

// wait makes the end of call, the call's context, end the stream.
func (s *Stream) wait(call context.Context, metadata wire.Metadata) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over || s.unwait != nil {
		return
	}
	s.with, s.metadata = call, metadata
	s.unwait = func() bool { return true }
	if call.Done() != nil {
		s.unwait = context.AfterFunc(call, s.callEnded)
	}
	s.watch.Start()
}

// callEnded ends the stream because its call's context has ended, unless open will
// do so, which knows why there was no server.
func (s *Stream) callEnded() {
	s.mu.Lock()
	opening := s.opening
	s.mu.Unlock()
	if !opening {
		s.Cancel(contextError(s.with.Err(), s.method.Procedure))
	}
}

// beginOpening makes open handle the end of the call, until endOpening.
func (s *Stream) beginOpening() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opening = true
}

func (s *Stream) endOpening() {
	s.mu.Lock()
	s.opening = false
	s.mu.Unlock()
	if err := s.with.Err(); err != nil {
		s.Cancel(contextError(err, s.method.Procedure))
	}
}

// open opens the stream at a server, trying again as the method allows.
// s.starting is held.
func (s *Stream) open(ctx context.Context) error {
	s.beginOpening()
	defer s.endOpening()
	both, stop := s.both(ctx)
	defer stop()
	for {
		s.tracer.begin(s.why)
		st, err := s.client.Dealer.OpenStream(both, s.with.Done(), s, s.client.patience(s.config.Wait))
		if err == nil {
			s.opened(st)
			return nil
		}
		callErr := s.with.Err()
		switch over, _ := s.Over(); {
		case over:
			return s.whyOver(s.outcome())
		case callErr == nil && ctx.Err() != nil:
			return contextError(ctx.Err(), s.method.Procedure)
		case errors.Is(err, callErr):
			return s.Fail(contextError(err, s.method.Procedure)) // whose text has the reason for the wait
		case callErr != nil:
			return s.Fail(contextError(callErr, s.method.Procedure))
		}
		if err = lost(err, s.method.Procedure); !s.tryAgain(both, err, false) {
			return s.Fail(err)
		}
	}
}

// opened makes st the current attempt.
func (s *Stream) opened(st *socket.DealerStream) {
	if s.ends {
		st.StartClosed()
	}
	s.current.Store(st)
	if over, err := s.Over(); over {
		st.Cancel(err)
	}
}

// both returns a context that ends with ctx, with the call's context, and with the
// stream, which must have begun. stop must be called.
func (s *Stream) both(ctx context.Context) (both context.Context, stop func()) {
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
func (s *Stream) AppendStart(b []byte) (out []byte, size int, err error) {
	h := wire.RequestHeader{
		Metadata: s.metadata,
		Stream: wire.Stream{
			Present: true, Messages: socket.FirstWindow.Messages, Bytes: socket.FirstWindow.Bytes,
			NoMessage: !s.hasFirst, End: s.ends,
		},
	}
	if deadline, ok := s.with.Deadline(); ok {
		h.Timeout = max(time.Until(deadline), 1)
	}
	out, err = wire.AppendRequest(b, s.method.Procedure, wire.Encoded(s.first), h)
	if size = len(s.first); !s.hasFirst {
		size = -1
	}
	return out, size, status.Input(err)
}

// again begins the stream again when the attempt st is over, if the method allows
// it, and returns the new attempt. It returns nil when the call is over, with
// final, the error of its end. err is set when the caller stopped waiting.
func (s *Stream) again(ctx context.Context, st *socket.DealerStream) (next *socket.DealerStream, final, err error) {
	select {
	case <-st.Over():
	case <-ctx.Done():
		return nil, nil, contextError(ctx.Err(), s.method.Procedure)
	}
	free, err := s.hold(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer free()
	if over, _ := s.Over(); over {
		return nil, s.outcome(), nil
	}
	if current := s.current.Load(); current != st {
		return current, nil, nil
	}
	gone, moves, final := s.judge(st)
	if final == nil || st.Answered() || st.Spoken() {
		return nil, final, nil
	}
	if s.why = Failover; !moves {
		both, stop := s.both(ctx)
		moves = s.tryAgain(both, final, gone)
		stop()
	}
	if !moves {
		return nil, final, nil
	}
	s.tracer.end(final)
	if err := s.open(ctx); err != nil {
		if over, _ := s.Over(); over {
			return nil, err, nil
		}
		return nil, nil, err
	}
	return s.current.Load(), nil, nil
}

// judge returns the outcome of an attempt in final. gone says that the server has
// gone, or that it is stopping and has not begun the call; moves says that no
// server has begun the call, and another one may take it.
func (s *Stream) judge(st *socket.DealerStream) (gone, moves bool, final error) {
	end, _ := st.End()
	var size *zmtp.SizeError
	switch {
	case end.Err == nil:
	case errors.As(end.Err, &size):
		return false, false, status.Errorf(status.ResourceExhausted, "%s: message of at least %d bytes exceeds the client's limit of %d (ask for less, or raise it with WithMaxMessageSize of Dial)", s.method.Procedure, size.Size, size.Limit)
	case errors.As(end.Err, new(*socket.LostError)):
		return true, end.Unsent, lost(end.Err, s.method.Procedure)
	case errors.As(end.Err, new(*status.Error)):
		return false, false, end.Err
	default:
		return false, false, status.Errorf(status.Internal, "%s: %w", s.method.Procedure, end.Err)
	}
	if !end.Reply.Failed() {
		return false, false, nil
	}
	h, _ := wire.ParseReplyHeader(end.Reply.Header)
	moves = h.Refused && st.AvoidPeer(s.client.Dealer)
	return h.Refused, moves, status.Parse(end.Reply.Status)
}

// tryAgain reports whether the call is tried again after err (tries.next). A call
// whose client sends a stream is not, because its earlier messages are not kept.
func (s *Stream) tryAgain(ctx context.Context, err error, gone bool) bool {
	s.tracer.end(err)
	again := !s.method.ClientStreams && s.tries.next(ctx, s.client, &s.method, gone, err)
	if again {
		s.why = s.tries.why
	}
	return again
}

// At records the server that gets the start (socket.Mover).
func (s *Stream) At(server *link.Conn) { s.tracer.at(server) }

// Moved records that another server will get the start (socket.Mover).
func (s *Stream) Moved(err error) {
	if s.tracer != nil {
		s.tracer.end(lost(err, s.method.Procedure))
		s.tracer.begin(Failover)
	}
}

// Follow makes t follow the attempts. The owner calls it in its first Begin.
func (s *Stream) Follow(t *Trace) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tracer == nil && !s.over {
		s.tracer = newTracer(t)
	}
}
