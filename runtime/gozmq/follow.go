package gozmq

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/topic"
)

// A Change is what one gets of a state that is followed: one of the two.
type Change[S, M proto.Message] struct {
	// Snapshot is the whole state, which takes the place of what was known.
	Snapshot S
	// Update is a message of the topic: a change of the state.
	Update M
}

// Follow joins a state and its topic (bridge.Subscriber).
func (s *subscribing) Follow(ctx context.Context, patterns []topic.Pattern, state bridge.State) {
	(*Subscriber)(s).follow(ctx, patterns, state)
}

func (s *Subscriber) follow(ctx context.Context, patterns []topic.Pattern, state bridge.State) {
	cfg := s.defaults
	cfg.overflow = Block
	sub, err := s.openWith(cfg, patterns, false)
	if err != nil {
		return // closed
	}
	defer sub.close()
	f := follower{state: newStatePosition(s.memory.topics), gone: s.origins.gone, fail: state.Fail}
	f.ask = func() (map[uint64]uint64, func() bool, error) {
		headers, yield, err := state.Ask()
		if err != nil {
			return nil, nil, err
		}
		positions, err := snapshotPositions(headers)
		if err != nil {
			return nil, nil, &unpositionedError{Errorf(CodeFailedPrecondition, "%s: %w", state.Procedure, err)}
		}
		return positions, yield, nil
	}
	f.update = func(a *arrival) (goOn, decoded bool) {
		m, err := decodeArrival(&s.bodies, a, state.New)
		return state.Update(m, err), err == nil
	}
	if s.watchPeers(sub) && !f.snapshot(ctx) {
		return
	}
	sub.inbox.drain(ctx, func(a *arrival) bool { return f.take(ctx, a) })
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
