package gozmq

import (
	"context"
	"fmt"
)

// A Position is a place among the sequenced and retained messages of one
// publisher.
type Position struct {
	Publisher uint64 // its id, as in the headers of its messages
	Position  uint64
}

// Position returns the place of the last message that was published under a
// sequenced or retained topic; its Position is 0 if there was none. What is read
// under the lock under which a program changes its state and publishes the
// change says which changes the state has.
func (p *Publisher) Position() Position { return Position{p.id, p.pub.Position()} }

// positionKey is the key of the reply's metadata that has positions.
const positionKey = "gozmq-position"

// SetSnapshotPosition says, in the handler of a call whose reply is the state
// behind a topic, which messages the state has: all up to these positions, one
// of each publisher. FollowState needs it. Call it once, with the context that
// the handler was given; with another one it does nothing.
func SetSnapshotPosition(ctx context.Context, positions ...Position) {
	info := CallInfoFromContext(ctx)
	if info == nil {
		return
	}
	for _, p := range positions {
		h := publicationHeader{publisher: p.Publisher, position: p.Position}
		info.AddReplyHeader(positionKey, string(h.append(nil)))
	}
}

// snapshotPositions reads what SetSnapshotPosition said.
func snapshotPositions(headers map[string][]string) (map[uint64]uint64, error) {
	positions := make(map[uint64]uint64)
	for _, value := range headers[positionKey] {
		var h publicationHeader
		if !h.parse([]byte(value)) || h.publisher == 0 {
			return nil, fmt.Errorf("a position in the reply's metadata cannot be decoded")
		}
		positions[h.publisher] = h.position
	}
	if len(positions) == 0 {
		return nil, fmt.Errorf("the reply does not say which messages the snapshot has: its handler must call gozmq.SetSnapshotPosition")
	}
	return positions, nil
}
