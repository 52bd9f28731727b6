package subscription

import (
	"context"
	"fmt"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A State is followed by Subscription.Follow, in one goroutine.
type State interface {
	// Snapshot requests a snapshot. It returns the snapshot's position for each
	// publisher, and a function that yields the snapshot and returns false when the
	// iteration is over.
	Snapshot(ctx context.Context) (positions map[uint64]uint64, yield func() bool, err error)
	// Update yields a message that the state does not include, valid during the
	// call. goOn is false when the iteration is over; decoded says whether the
	// message could be decoded.
	Update(p *wire.Publication) (goOn, decoded bool)
	// Failed yields an error: one of Snapshot, an *UnnumberedError, an
	// *UnknownPublisherError or a *TooLargeError. It returns false when the
	// iteration is over.
	Failed(err error) bool
	// Noticed yields an Ended or an Idle. It returns false when the iteration is
	// over.
	Noticed(n Notice) bool
}

// An UnnumberedError says that a followed topic is not sequenced.
type UnnumberedError struct{ Topic string }

func (e *UnnumberedError) Error() string {
	return fmt.Sprintf("a publication under %q has no position: its topic is not sequenced at the publisher", e.Topic)
}

// An UnknownPublisherError says that snapshots have no position of a publisher. Its
// messages are dropped until one has.
type UnknownPublisherError struct {
	Publisher uint64
	Topic     string
}

func (e *UnknownPublisherError) Error() string {
	return fmt.Sprintf("the snapshot does not know publisher %016x of %q; it is ignored", e.Publisher, e.Topic)
}

// Follow passes a snapshot to state, and then, in order, each message that the
// snapshot does not include. It requests another snapshot after missed or
// undecodable messages, and for each new connection. It returns when a method of
// state says so, the subscription is closed, or ctx ends. The subscription must
// block when its queue is full, and must not be used in any other way.
func (s *Subscription) Follow(ctx context.Context, state State) {
	f := follower{State: state, position: newStatePosition(s.hub.cfg.Topics.Count), gone: s.hub.conns.gone, occurrence: func(it *item) Notice { return s.hub.occurrence(s, it) }}
	if s.hub.watch(s) && !f.snapshot(ctx) {
		return
	}
	s.queue.drain(ctx, func(it *item) bool { return f.take(ctx, it) })
}

// A follower joins snapshots and messages for one Follow.
type follower struct {
	State
	position *statePosition
	gone     func(publisher uint64) bool // its connection is closed
	// occurrence returns the notice of an entry (Hub.occurrence).
	occurrence func(it *item) Notice
}

// take handles an entry of the queue. It returns false when the iteration is over.
func (f *follower) take(ctx context.Context, it *item) bool {
	switch it.kind {
	case peerEntry:
		return f.snapshot(ctx)
	case tooLargeEntry:
		return f.Failed(it.tooLarge()) && f.snapshot(ctx)
	case endedEntry, idleEntry:
		return f.Noticed(f.occurrence(it))
	}
	var h wire.PublicationHeader
	if !h.Parse(it.Header) || !h.Numbered() {
		return f.Failed(&UnnumberedError{Topic: string(it.Topic)})
	}
	for tries, pause := 0, firstPause; ; tries++ {
		switch f.position.check(it.Topic, &h) {
		case standingApplied:
			return true
		case standingNext:
			goOn, decoded := f.Update(&it.Publication)
			return goOn && (decoded || f.snapshot(ctx))
		}
		if tries > 0 { // the snapshot does not have the publisher yet
			if f.gone(h.Publisher) {
				f.position.ignore(h.Publisher)
				return true
			}
			if pause > unknownPause {
				f.position.ignore(h.Publisher)
				return f.Failed(&UnknownPublisherError{h.Publisher, string(it.Topic)})
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
// that they do not have is ignored after unknownPause.
const (
	firstPause   = 100 * time.Millisecond
	unknownPause = time.Second
	lastPause    = 5 * time.Second
)

// snapshot requests snapshots until one is not older than the messages received,
// and yields it.
func (f *follower) snapshot(ctx context.Context) bool {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		positions, yield, err := f.Snapshot(ctx)
		if ctx.Err() != nil {
			return false
		}
		if err == nil && f.position.reset(positions) {
			return yield()
		}
		if err != nil && !f.Failed(err) || !sleep(ctx, pause) {
			return false
		}
	}
}

// sleep returns false when ctx ends before d has passed.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
