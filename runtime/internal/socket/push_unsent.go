package socket

import (
	"slices"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// An unsentQueue holds messages whose connection ended before the kernel took
// them, as frames on the wire, oldest first.
type unsentQueue struct {
	runs [][]byte
	size int // bytes of the first message
}

// add adds the unsent frames of a connection, which it then owns. They come
// first: while the queue has messages, no newer one is given to a connection.
func (q *unsentQueue) add(frames []byte) {
	if len(frames) > 0 {
		q.runs = slices.Insert(q.runs, 0, frames)
	}
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
