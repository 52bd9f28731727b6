package gozmq

import (
	"context"
	"errors"

	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A Position is the place of a message among all sequenced and retained
// messages of one publisher.
type Position struct {
	Publisher uint64 // the publisher's id, as in the headers of its messages
	Sequence  uint64 // counts from 1; 0 is before the first message
}

// Position returns the position of the last message that was published under a
// sequenced or retained topic; its Sequence is 0 if there was none. A program
// that holds one lock while it changes its state and publishes the change reads
// the position under the same lock: then the state has all changes up to it.
func (p *Publisher) Position() Position { return Position{p.id, p.pub.Position()} }

// positionKey is the key of positions in a reply's metadata.
const positionKey = "gozmq-position"

// SetSnapshotPosition adds to a reply, which is the state behind a topic, the
// positions up to which the state has the topic's messages: one position for
// each publisher. FollowState needs it. Call it once in the call's handler,
// with the handler's context; with any other context it does nothing.
func SetSnapshotPosition(ctx context.Context, positions ...Position) {
	info := CallInfoFromContext(ctx)
	if info == nil {
		return
	}
	for _, p := range positions {
		h := wire.PublicationHeader{Publisher: p.Publisher, Position: p.Sequence}
		info.AddReplyHeader(positionKey, string(h.Append(nil)))
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
		return nil, errors.New("the reply does not say which messages the snapshot has: its handler must call gozmq.SetSnapshotPosition")
	}
	return positions, nil
}
