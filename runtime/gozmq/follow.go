package gozmq

import (
	"context"
	"iter"
	"time"

	"google.golang.org/protobuf/proto"
)

// A Change is what one gets of a state that is followed: one of the two.
type Change[S, M proto.Message] struct {
	// Snapshot is the whole state, which takes the place of what was known.
	Snapshot S
	// Update is a message of the topic: a change of the state.
	Update M
}

// FollowState returns an iterator over a state: first a snapshot, the reply to
// req, then each message that the snapshot does not have, in order, as the
// filters take them. The next snapshot follows when messages were missed, when
// a publisher was restarted and after every reconnect; so what the iterator has
// yielded, from the last snapshot on, is the state. The first snapshot is asked
// for when a publisher is connected. Generated code calls it.
//
// The topic is retained and sequenced, and the method's handler calls
// SetSnapshotPosition. What goes wrong, a message that cannot be decoded and a
// call that failed, is yielded as an error, and tried again after a pause that
// grows from 100 ms to 5 s; only a reply without a position ends the iteration,
// with CodeFailedPrecondition. The subscription's queue always blocks
// (WithOverflow), as what it dropped would have to be asked for again; lag is
// not reported.
func FollowState[S, T any, R message[S], M message[T], F Filter](ctx context.Context, s *Subscriber, caller Caller, method *Method, req proto.Message, filters []F) iter.Seq2[Change[R, M], error] {
	return func(yield func(Change[R, M], error) bool) {
		cfg := s.defaults
		cfg.overflow = Block
		sub, err := s.openWith(cfg, patternsOf(filters), false)
		if err != nil {
			return // closed
		}
		defer sub.close()
		f := follower{state: newStatePosition(s.memory.topics), gone: s.origins.gone}
		f.fail = func(err error) bool { return yield(Change[R, M]{}, err) }
		f.ask = func() (map[uint64]uint64, func() bool, error) {
			var md ReplyMetadata
			snapshot := R(new(S))
			if err := caller.Call(ctx, method, req, snapshot, WithReplyMetadata(&md)); err != nil {
				return nil, nil, err
			}
			positions, err := snapshotPositions(&md)
			if err != nil {
				return nil, nil, &unpositionedError{Errorf(CodeFailedPrecondition, "%s: %w", method.Procedure, err)}
			}
			return positions, func() bool { return yield(Change[R, M]{Snapshot: snapshot}, nil) }, nil
		}
		f.update = func(a *arrival) (goOn, decoded bool) {
			m, err := decodeArrival[T, M](&s.bodies, a)
			return yield(Change[R, M]{Update: m}, err), err == nil
		}
		if s.watchPeers(sub) && !f.snapshot(ctx) {
			return
		}
		sub.inbox.drain(ctx, func(a *arrival) bool { return f.take(ctx, a) })
	}
}

// An unpositionedError ends an iteration: asking again is of no use.
type unpositionedError struct{ error }

func (e *unpositionedError) Unwrap() error { return e.error }

// A follower joins snapshots and messages for one iterator.
type follower struct {
	state  *statePosition
	ask    func() (positions map[uint64]uint64, yield func() bool, err error)
	update func(*arrival) (goOn, decoded bool)
	fail   func(error) bool
	gone   func(publisher uint64) bool // its connection is closed
}

// take deals with what has come: a message, or the word that there is a new
// connection. It returns false when the iteration is over.
func (f *follower) take(ctx context.Context, a *arrival) bool {
	if a.isPeer() {
		return f.snapshot(ctx)
	}
	var h publicationHeader
	if !h.parse(a.header) || !h.numbered() {
		return f.fail(Errorf(CodeFailedPrecondition, "a publication under %q has no position: its topic is not sequenced at the publisher", a.topic))
	}
	for tries, pause := 0, firstPause; ; tries++ {
		switch f.state.place(a.topic, &h) {
		case placeKnown:
			return true
		case placeNext:
			goOn, decoded := f.update(a)
			return goOn && (decoded || f.snapshot(ctx))
		}
		if tries > 0 { // the snapshot does not know the publisher, yet
			if f.gone(h.publisher) {
				f.state.ignore(h.publisher)
				return true
			}
			if pause > unknownPause {
				f.state.ignore(h.publisher)
				return f.fail(Errorf(CodeFailedPrecondition, "the snapshot does not know publisher %016x of %q; it is ignored", h.publisher, a.topic))
			}
			if !sleep(ctx, pause) {
				return false
			}
			pause *= 2
		}
		if !f.snapshot(ctx) {
			return false
		}
	}
}

// The pauses between two snapshots grow from the first to the last; a publisher
// that they do not know is ignored after unknownPause.
const (
	firstPause   = 100 * time.Millisecond
	unknownPause = time.Second
	lastPause    = 5 * time.Second
)

// snapshot asks for a snapshot until there is one that is not behind what was
// seen, and yields it.
func (f *follower) snapshot(ctx context.Context) bool {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		positions, yield, err := f.ask()
		if ctx.Err() != nil {
			return false
		}
		if err == nil && f.state.reset(positions) {
			return yield()
		}
		if err != nil && !f.fail(err) {
			return false
		}
		if _, over := err.(*unpositionedError); over || !sleep(ctx, pause) {
			return false
		}
	}
}
