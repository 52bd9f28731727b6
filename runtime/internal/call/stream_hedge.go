package call

import (
	"cmp"
	"context"

	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// hedges reports whether the stream is hedged.
func (s *Stream) hedges() bool {
	return s.config.Hedging.Max > 1 && !s.method.ClientStreams && s.method.Idempotent
}

// receiveHedged is Receive for a hedged stream. The first hedge with a message, or
// with an outcome that is not worth another attempt, wins.
func (s *Stream) receiveHedged(ctx context.Context) (more bool, err error) {
	if s.leg != nil {
		more, err = s.leg.Receive(ctx)
		if more && err != nil {
			return more, err
		}
		return s.fromLeg(more, err)
	}
	got, err := s.race(ctx)
	if err != nil {
		return s.failed(err)
	}
	s.leg = got.stream
	got.owner.win()
	return s.fromLeg(got.more, got.err)
}

// fromLeg handles the first outcome of the winning hedge.
func (s *Stream) fromLeg(more bool, err error) (bool, error) {
	if more {
		s.received.Add(1)
		if err = cmp.Or(s.taken, err); err == nil {
			err = s.owner.Taken()
		}
		if err == nil {
			return true, nil
		}
	}
	s.finish(err, false)
	return false, s.outcome()
}

// A legOutcome is the first outcome of a hedge.
type legOutcome struct {
	stream *Stream
	owner  *leg
	more   bool
	err    error
}

// race begins the stream as often as its Hedging allows. It cancels all hedges
// except the one that it returns, or all of them when ctx ends.
func (s *Stream) race(ctx context.Context) (legOutcome, error) {
	if s.unbegun() {
		return legOutcome{}, s.requestFirst()
	}
	both, stop := s.both(ctx)
	defer stop()
	var legs []*Stream
	var winner *Stream
	defer func() {
		for _, leg := range legs {
			if leg != winner {
				leg.Close()
			}
		}
	}()
	begin := func() func() legOutcome {
		leg := s.newLeg()
		if len(legs) > 0 {
			s.client.Hedged()
			leg.stream.why = Hedge
		}
		legs = append(legs, leg.stream)
		return func() legOutcome {
			more, err := leg.stream.Receive(leg.stream.call)
			return legOutcome{leg.stream, leg, more, err}
		}
	}
	got, ok := Race(s.config.Hedging, both.Done(), begin, func(got legOutcome) bool {
		return s.client.Worth(s.call, got.err)
	})
	if !ok {
		return got, contextError(cmp.Or(ctx.Err(), s.with.Err(), both.Err()), s.method.Procedure)
	}
	winner = got.stream
	return got, nil
}

// unbegun reports whether the stream has no request yet.
func (s *Stream) unbegun() bool {
	s.starting <- struct{}{}
	defer func() { <-s.starting }()
	return !s.hasFirst
}

// legs returns the context of the hedges, which ends with the stream.
func (s *Stream) legs() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.legContext == nil {
		ctx, cancel := context.WithCancel(s.with)
		release := s.release
		s.legContext, s.release = ctx, func() { cancel(); release() }
		if s.over {
			cancel()
		}
	}
	return s.legContext
}

// A leg owns one hedge. It keeps the first message, with its headers, until the
// hedge has won; then it passes everything to the owner of the stream. From then on
// only the receiving goroutine, or the one that reads for it, calls it.
type leg struct {
	of     *Stream
	stream *Stream
	won    bool

	body    []byte
	headers wire.Metadata
	last    *wire.ReplyHeader
}

// newLeg returns one hedge: the same stream without interceptors and timeouts.
func (s *Stream) newLeg() *leg {
	l := &leg{of: s, stream: new(Stream)}
	l.stream.Init(s.legs(), s.client, s.method, Config{Wait: s.config.Wait}, l)
	l.stream.first, l.stream.hasFirst, l.stream.ends = s.first, true, true
	if s.tracer != nil {
		l.stream.tracer = newTracer(s.tracer.trace)
	}
	return l
}

// win passes the kept message to the stream's owner.
func (l *leg) win() {
	l.won = true
	o := l.of.owner
	o.Headers(l.headers)
	if l.last != nil {
		o.Last(*l.last)
	}
	if l.body != nil {
		l.of.taken = o.Message(l.body)
		l.body = nil
	}
}

func (l *leg) Begin(context.Context, wire.Body) (context.Context, wire.Metadata, error) {
	return l.stream.call, l.of.metadata, nil
}

func (l *leg) First(wire.Body) ([]byte, error) { return nil, nil } // first is already set
func (l *leg) Next(wire.Body) error            { return nil }
func (l *leg) Taken() error                    { return nil }
func (l *leg) Ended(error, bool)               {}
func (l *leg) Outcome(err error) error         { return err }

func (l *leg) Message(body []byte) error {
	if l.won {
		return l.of.owner.Message(body)
	}
	l.body = append(make([]byte, 0, len(body)), body...)
	return nil
}

// Reply is for a call in which the server sends no stream (Owner).
func (l *leg) Reply(body []byte) error { return l.Message(body) }

func (l *leg) Headers(h wire.Metadata) {
	if l.won {
		l.of.owner.Headers(h)
		return
	}
	l.headers = h
}

func (l *leg) Last(h wire.ReplyHeader) {
	if l.won {
		l.of.owner.Last(h)
		return
	}
	l.last = &h
}
