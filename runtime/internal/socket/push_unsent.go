package socket

import (
	"hash/maphash"
	"slices"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// An unsentQueue holds messages whose connection ended before the kernel accepted
// them, as frames on the wire, oldest first.
type unsentQueue struct {
	runs [][]byte
	size int // bytes of the first message
}

// add adds the unsent frames of a connection, and takes ownership of them. They
// come first, because no newer message is given to a connection while the queue has
// messages.
func (q *unsentQueue) add(frames []byte) {
	if len(frames) > 0 {
		q.runs = slices.Insert(q.runs, 0, frames)
	}
}

// maxCuts is how often a message may be cut off by the end of a connection before
// it is given up: the message itself may crash the peers.
const maxCuts = 3

// A cutCount counts how often messages were cut off. That is rare, so it remembers
// only the last few.
type cutCount struct {
	seed maphash.Seed
	last [16]cutMessage
	next int
}

type cutMessage struct {
	hash  uint64
	times int
}

// add counts that a message was cut off, and reports whether that has happened too
// often.
func (c *cutCount) add(message []byte) (tooOften bool) {
	if c.seed == (maphash.Seed{}) {
		c.seed = maphash.MakeSeed()
	}
	hash := maphash.Bytes(c.seed, message)
	for i := range c.last {
		if m := &c.last[i]; m.times > 0 && m.hash == hash {
			m.times++
			return m.times >= maxCuts
		}
	}
	c.last[c.next] = cutMessage{hash, 1}
	c.next = (c.next + 1) % len(c.last)
	return false
}

// empty reports whether there is no message. It drops commands.
func (q *unsentQueue) empty() bool {
	for len(q.runs) > 0 {
		run := q.runs[0]
		h, ok, err := zmtp.ParseHeader(run)
		if !ok || err != nil {
			q.runs = q.runs[1:]
			continue
		}
		q.size = zmtp.MessageSize(run)
		if !h.Command() {
			return false
		}
		q.pop()
	}
	return true
}

// len returns how many messages there are.
func (q *unsentQueue) len() (n int) {
	for _, run := range q.runs {
		zmtp.EachMessage(run, func([]byte) { n++ })
	}
	return n
}

// pop drops the first message.
func (q *unsentQueue) pop() {
	if q.runs[0] = q.runs[0][q.size:]; len(q.runs[0]) == 0 {
		q.runs = q.runs[1:]
	}
}

// AppendMessage appends the first message (Message).
func (q *unsentQueue) AppendMessage(b []byte) ([]byte, error) {
	return append(b, q.runs[0][:q.size]...), nil
}
