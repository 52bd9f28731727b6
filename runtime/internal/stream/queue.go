package stream

import (
	"encoding/binary"
	"sync"
)

// A queue holds bodies, each behind its length. Its memory is pooled, so that a
// stream that waits keeps none.
type queue struct {
	buf *buffer // nil: empty
	off int     // where the first body begins
}

type buffer struct{ b []byte }

// maxKept is the largest buffer that is used again.
const maxKept = 1 << 20

var buffers = sync.Pool{New: func() any { return new(buffer) }}

func (q *queue) empty() bool { return q.buf == nil || q.off == len(q.buf.b) }

// size returns how many bytes the queue keeps.
func (q *queue) size() int {
	if q.buf == nil {
		return 0
	}
	return len(q.buf.b)
}

func (q *queue) push(body []byte) {
	if q.buf == nil {
		q.buf = buffers.Get().(*buffer)
	}
	q.buf.b = append(binary.AppendUvarint(q.buf.b, uint64(len(body))), body...)
}

// next takes the first body, which is valid until free. The queue must not be
// empty.
func (q *queue) next() []byte {
	size, n := binary.Uvarint(q.buf.b[q.off:])
	start := q.off + n
	q.off = start + int(size)
	return q.buf.b[start:q.off:q.off]
}

// free drops what is in the queue, and its memory.
func (q *queue) free() {
	if q.buf != nil && cap(q.buf.b) <= maxKept {
		q.buf.b = q.buf.b[:0]
		buffers.Put(q.buf)
	}
	*q = queue{}
}
