package call

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/status"
	"github.com/gozmq/gozmq/runtime/internal/stream"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// An Owner is the user of a Stream: it encodes and decodes messages, and runs the
// interceptors between the caller and the call.
type Owner interface {
	// Begin is called before the stream starts, with the first message if there is
	// one, and returns the call's context and metadata. If Begin fails without
	// calling Fail, the stream can begin later, and Begin is called again, in one
	// goroutine at a time.
	Begin(ctx context.Context, m wire.Body) (call context.Context, metadata wire.Metadata, err error)
	// First returns the body of the first message. m is nil when there is none, or
	// when the message of an earlier attempt to begin is used.
	First(m wire.Body) ([]byte, error)
	// Next returns why a later message must not be sent, nil if it may.
	Next(m wire.Body) error
	// Message gets the body of a message, which is valid during the call only, and
	// returns its fault, if any. It is called in any goroutine while Receive waits.
	Message(body []byte) error
	// Taken is called by Receive after Message. An error ends the call.
	Taken() error
	// Headers gets the reply's headers, before Taken is called for the first
	// message, and Last the header of the last reply.
	Headers(h wire.Metadata)
	Last(h wire.ReplyHeader)
	// Reply decodes the body of the last reply, in a call in which the server sends
	// no stream.
	Reply(body []byte) error
	// Ended is called once when the call is over, in any goroutine. replied says
	// that the server has ended the call with a reply, successful or not.
	Ended(err error, replied bool)
	// Outcome returns the error for the caller in place of err, the error with
	// which the call ended.
	Outcome(err error) error
}

// Config is the configuration of one stream.
type Config struct {
	Timeout time.Duration // for the whole stream; 0: none
	Idle    time.Duration // without a message; 0: none
	Message time.Duration // for one message; 0: none
	Wait    bool          // for a server, as long as the context lasts
	Hedging Hedging
}

// A Stream is one call with several messages, over all of its attempts. One
// goroutine at a time may call Receive; any number may call the other methods.
type Stream struct {
	client  *Client
	method  Method
	config  Config
	owner   Owner
	call    context.Context // ends the stream
	release context.CancelFunc
	watch   stream.Watch

	// starting holds one value while a goroutine begins the stream, or begins it
	// again; it owns the next fields.
	starting chan struct{}
	with     context.Context // call, as the owner returned it; nil before begin
	metadata wire.Metadata
	first    []byte // the first message, where hasFirst is true
	hasFirst bool
	ends     bool // the start contains the half-close
	tries    tries
	why      Reason  // of the next attempt
	tracer   *tracer // nil: attempts are not followed; changed with mu held, too

	current atomic.Pointer[socket.DealerStream]
	leg     *Stream // the winning hedge; used by the receiving goroutine

	// Used by the receiving goroutine, or by the one that reads for it.
	taken      error // the message's fault
	gotHeaders bool  // the owner has the headers

	watched  bool // the next three are looked at
	received atomic.Uint64
	sent     atomic.Uint64
	waits    atomic.Bool // Receive waits

	done   atomic.Bool // over, for whoever has no lock
	mu     sync.Mutex
	over   bool
	result error
	unwait func() bool // stops waiting for the end of call; nil: not waiting yet
	// opening says that open handles the end of call; giveUp, if not nil, ends the
	// wait for a server when the stream is over.
	opening bool
	giveUp  context.CancelFunc

	legContext context.Context // of the hedges; nil: there are none yet
}

// Init makes s a stream that ends with ctx.
func (s *Stream) Init(ctx context.Context, c *Client, m Method, cfg Config, o Owner) {
	s.client, s.method, s.config, s.owner, s.call = c, m, cfg, o, ctx
	s.starting = make(chan struct{}, 1)
	s.release = func() {}
	if cfg.Timeout != 0 {
		s.call, s.release = context.WithTimeout(ctx, cfg.Timeout)
	}
	s.watched = cfg.Idle > 0 || cfg.Message > 0
	s.watch.Idle, s.watch.Message = cfg.Idle, cfg.Message
	s.watch.End, s.watch.Look = s.expire, s.look
}

// Context returns the context with which the stream ends.
func (s *Stream) Context() context.Context { return s.call }

// Send sends one message, which it does not keep. It waits for credit until ctx
// ends.
func (s *Stream) Send(ctx context.Context, m wire.Body) error {
	if err := ctx.Err(); err != nil {
		return contextError(err, s.method.Procedure)
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
	if err := s.owner.Next(m); err != nil {
		return err
	}
	return s.send(ctx, st, m)
}

// send sends a message after the first.
func (s *Stream) send(ctx context.Context, st *socket.DealerStream, m wire.Body) error {
	for {
		// Receive may have returned the end already while the attempt has yet to be
		// canceled.
		if over, _ := s.Over(); over {
			return s.whyOver(s.outcome())
		}
		err := st.Send(ctx, m)
		switch {
		case err == nil:
			if s.watched {
				s.sent.Add(1)
			}
			return nil
		case errors.Is(err, socket.ErrStreamClosed):
			return status.Errorf(status.FailedPrecondition, "%s: Send after CloseSend", s.method.Procedure)
		case !errors.Is(err, socket.ErrStreamOver):
			return lost(err, s.method.Procedure)
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

// whyOver returns Send's error when the call is over. final is the error of the
// call, if any.
func (s *Stream) whyOver(final error) error {
	if final != nil {
		return final
	}
	return status.Errorf(status.FailedPrecondition, "%s: the call is over", s.method.Procedure)
}

// unlessEnded returns err, the error of begin, or nil when the owner ended the call
// successfully instead of beginning it.
func (s *Stream) unlessEnded(err error) error {
	if over, result := s.Over(); err != nil && over && result == nil {
		return nil
	}
	return err
}

// CloseSend sends the half-close: no message will follow.
func (s *Stream) CloseSend(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return contextError(err, s.method.Procedure)
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
			return cmp.Or(err, final) // closing a successful call is not an error
		}
		st = next
	}
	_, err := s.Over()
	return err
}

// oneRequest returns why a further message cannot be sent, nil if it can.
func (s *Stream) oneRequest() error {
	if s.method.ClientStreams {
		return nil
	}
	return status.Errorf(status.FailedPrecondition, "%s: the call has one request, and it was sent", s.method.Procedure)
}
