package gozmq

import (
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
// sequenced or retained topic; its Sequence is 0 if there was none. To read a
// state together with its position, hold one lock while you change the state
// and publish the change, and the same lock while you read both.
func (p *Publisher) Position() Position { return Position{p.id, p.pub.Position()} }

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
