package gozmq

import (
	"cmp"
	"context"
	"time"

	"google.golang.org/protobuf/proto"
)

// hedges reports whether the stream is begun several times.
func (s *clientStream) hedges() bool {
	return s.options.hedging.max > 1 && !s.method.ClientStreams && s.method.Idempotency != IdempotencyUnknown
}

// receiveHedged is Receive for a stream that is begun several times, of which the
// first one with a message, or with an outcome that is not worth another attempt,
// counts.
func (s *clientStream) receiveHedged(ctx context.Context, m proto.Message) (more bool, err error) {
	if over, _ := s.ended(); over {
		return false, s.outcome()
	}
	if s.leg == nil {
		got, err := s.race(ctx, m)
		if err != nil {
			return s.failed(err)
		}
		s.leg = got.leg
		if got.reply != m {
			replace(m, got.reply)
		}
		more, err = got.more, got.err
		return s.fromLeg(m, more, err)
	}
	more, err = s.leg.Receive(ctx, m)
	if more && err != nil {
		return more, err
	}
	return s.fromLeg(m, more, err)
}

// fromLeg looks at what the hedge that counts has received.
func (s *clientStream) fromLeg(m proto.Message, more bool, err error) (bool, error) {
	if to := s.options.replyMetadata; to != nil {
		*to = *s.leg.options.replyMetadata
	}
	if more {
		s.received.Add(1)
		if s.chain != nil {
			err = s.chain.info.message(m, false)
		}
		if err == nil {
			return true, nil
		}
	}
	s.finish(err)
	return false, s.outcome()
}

// A legOutcome is what one hedge has received first.
type legOutcome struct {
	leg   *clientStream
	reply proto.Message
	more  bool
	err   error
}

// race begins the stream as often as its hedging says. It cancels all but the hedge
// that it returns; all of them when ctx ends.
func (s *clientStream) race(ctx context.Context, m proto.Message) (legOutcome, error) {
	if s.unbegun() {
		return legOutcome{}, Errorf(CodeFailedPrecondition, "%s: the request has to be sent first", s.method.Procedure)
	}
	h := s.options.hedging
	limit := min(h.max, maxHedges)
	both, stop := s.both(ctx)
	defer stop()
	outcomes := make(chan legOutcome, limit)
	var legs []*clientStream
	var winner *clientStream
	defer func() {
		for _, leg := range legs {
			if leg != winner {
				leg.Close()
			}
		}
	}()
	start := func() {
		if len(legs) > 0 {
			s.conn.calls.hedged.Add(1)
		}
		leg := s.newLeg()
		legs = append(legs, leg)
		to := m.ProtoReflect().New().Interface()
		go func() {
			more, err := leg.Receive(leg.call, to)
			outcomes <- legOutcome{leg, to, more, err}
		}()
	}
	timer := time.NewTimer(h.delay)
	defer timer.Stop()
	start()
	for ended := 0; ; {
		select {
		case got := <-outcomes:
			if ended++; CodeOf(got.err) == CodeUnavailable && ended < limit && s.call.Err() == nil && !s.conn.dealer.Closed() {
				if len(legs) < limit {
					start()
				}
				continue
			}
			winner = got.leg
			return got, nil
		case <-timer.C:
			if len(legs) < limit {
				start()
				timer.Reset(h.delay)
			}
		case <-both.Done():
			return legOutcome{}, contextError(cmp.Or(ctx.Err(), s.with.Err(), both.Err()), s.method)
		}
	}
}

// newLeg returns one hedge: the same stream without interceptors and timeouts.
func (s *clientStream) newLeg() *clientStream {
	o := s.options
	o.hedging, o.timeout, o.idle, o.message, o.replyMetadata = hedging{}, 0, 0, 0, new(ReplyMetadata)
	leg := newClientStream(s.legs(), s.conn, s.method, o)
	leg.inner, leg.first, leg.hasFirst, leg.ends = true, s.first, true, true
	return leg
}

// legs returns the context of the hedges, which ends with the stream.
func (s *clientStream) legs() context.Context {
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

// unbegun reports whether there is no request yet.
func (s *clientStream) unbegun() bool {
	s.starting <- struct{}{}
	defer func() { <-s.starting }()
	return !s.hasFirst
}
