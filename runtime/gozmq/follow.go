package gozmq

import (
	"context"
	"errors"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/subscription"
	"github.com/gozmq/gozmq/runtime/internal/topic"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A Change is one step of a followed state: it has either a Snapshot or an
// Update.
type Change[S, M proto.Message] struct {
	// Snapshot is the whole state; it replaces everything before it.
	Snapshot S
	// Update is a message of the topic: a change of the state.
	Update M
}

// Follow joins a state and its topic (bridge.Subscriber).
func (s *subscribing) Follow(ctx context.Context, m *Method, patterns []topic.Pattern, state bridge.State) {
	cfg := s.defaults
	cfg.overflow = OverflowBlock
	sub, err := (*Subscriber)(s).openWith(cfg, patterns, false)
	if err != nil {
		state.Fail(err)
		return
	}
	defer sub.Close()
	loop := (*Subscriber)(s).newLoop(ctx, m, state.New, state.Update)
	sub.Follow(ctx, &followed{state, loop})
}

// followed is a state as the engine follows it (subscription.State).
type followed struct {
	bridge.State
	loop *publicationLoop
}

func (f *followed) Snapshot(ctx context.Context) (map[uint64]uint64, func() bool, error) {
	headers, yield, err := f.Ask(ctx)
	if err != nil {
		return nil, nil, err
	}
	positions, err := snapshotPositions(headers)
	if err != nil {
		return nil, nil, &unpositionedError{Errorf(CodeFailedPrecondition, "%s: %w", f.Procedure, err)}
	}
	return positions, func() bool { f.describe(headers); return yield() }, nil
}

// describe stores what is known of a change that is no publication: the metadata of
// a snapshot.
func (f *followed) describe(headers map[string][]string) {
	to := f.loop.to
	if to == nil {
		return
	}
	*to = PublicationInfo{ctx: f.loop.ctx}
	for key, values := range headers {
		if key != positionKey {
			if to.Metadata == nil {
				to.Metadata = make(Metadata)
			}
			to.Metadata[key] = values
		}
	}
}

// Fail yields an error that has to do with no publication.
func (f *followed) Fail(err error) bool {
	f.describe(nil)
	return f.State.Fail(err)
}

func (f *followed) Update(p *wire.Publication) (goOn, decoded bool) {
	return f.loop.deliver(p)
}

func (f *followed) Noticed(n subscription.Notice) bool { return f.Fail(noticeError(n)) }

// Failed yields an error. An unpositionedError ends the iteration, because asking
// again would not help.
func (f *followed) Failed(err error) bool {
	switch e := err.(type) {
	case *unpositionedError:
		f.Fail(e.error)
		return false
	case *subscription.TooLargeError:
		err = tooLargeError(e)
	case *subscription.UnnumberedError, *subscription.UnknownPublisherError:
		err = Errorf(CodeFailedPrecondition, "%w", err)
	}
	return f.Fail(err)
}

// An unpositionedError says that a snapshot has no usable position.
type unpositionedError struct{ error }

// A Position is the place of a message among all sequenced and retained
// messages of one publisher.
type Position struct {
	Publisher uint64 // the publisher's id, as in the headers of its messages
	Sequence  uint64 // counts from 1; 0 is before the first message
}

// Position returns the position of the last message that was published under a
// sequenced or retained topic; its Sequence is 0 if there was none. To read a
// state together with its position, hold one lock while you change the state
// and publish the change, and the same lock while you read both.
func (p *Publisher) Position() Position { return Position{p.pub.ID(), p.pub.Position()} }

// positionKey is the key of positions in a reply's metadata.
const positionKey = "gozmq-position"

// SetSnapshotPosition adds positions to the reply of a method that is the
// snapshot of a topic: one for each publisher, up to which the reply includes
// the topic's messages. Generated Follow functions need it. The handler calls it
// once; for the nil CallInfo, which a context outside of a handler has, it does
// nothing.
func (c *CallInfo) SetSnapshotPosition(positions ...Position) {
	if c == nil {
		return
	}
	for _, p := range positions {
		h := wire.PublicationHeader{Publisher: p.Publisher, Position: p.Sequence}
		_ = c.AddReplyHeader(positionKey, string(h.Append(nil))) // Follow functions say where it is missing
	}
}

// snapshotPositions reads the positions of SetSnapshotPosition by publisher.
func snapshotPositions(headers map[string][]string) (map[uint64]uint64, error) {
	positions := make(map[uint64]uint64)
	for _, value := range headers[positionKey] {
		var h wire.PublicationHeader
		if !h.Parse([]byte(value)) || h.Publisher == 0 {
			return nil, errors.New("a position in the reply's metadata cannot be decoded")
		}
		positions[h.Publisher] = h.Position
	}
	if len(positions) == 0 {
		return nil, errors.New("the reply does not say which messages the snapshot has: its handler must call CallInfo.SetSnapshotPosition")
	}
	return positions, nil
}
