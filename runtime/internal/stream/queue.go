package stream

import (
	"encoding/binary"
	"math/bits"
	"sync"
)

// A queue holds bodies, each after its length, in pooled pieces of memory: an idle
// stream keeps none, and a growing queue copies nothing.
type queue struct {
	first, last *piece // nil: empty
	off         int    // where the first body of first begins
	size        int    // bytes of all bodies since it was empty
}

type piece struct {
	b    []byte
	next *piece
}

// The sizes of pieces, as powers of two: the first of a queue, the later ones, and
// the largest that is reused.
const (
	firstPiece = 12
	morePiece  = 17
	maxPiece   = 20
)

var pieces [maxPiece + 1]sync.Pool // by their power of two

// newPiece returns an empty piece that has room for size.
func newPiece(size, power int) *piece {
	power = max(power, bits.Len(uint(size-1)))
	if power > maxPiece {
		return &piece{b: make([]byte, 0, size)}
	}
	if p, ok := pieces[power].Get().(*piece); ok {
		return p
	}
	return &piece{b: make([]byte, 0, 1<<power)}
}

// free lets the memory be used again.
func (p *piece) free() {
	power := bits.Len(uint(cap(p.b) - 1))
	if power > maxPiece {
		return
	}
	p.b, p.next = p.b[:0], nil
	pieces[power].Put(p)
}

func (q *queue) empty() bool {
	return q.first == nil || q.off == len(q.first.b) && q.first.next == nil
}

func (q *queue) push(body []byte) {
	size := len(body) + binary.MaxVarintLen64
	switch p := q.last; {
	case p == nil:
		q.first = newPiece(size, firstPiece)
		q.last = q.first
	case cap(p.b)-len(p.b) < size:
		p.next = newPiece(size, morePiece)
		q.last = p.next
	}
	q.size += len(body)
	q.last.b = append(binary.AppendUvarint(q.last.b, uint64(len(body))), body...)
}

// next takes the first body, which is valid until the next call of next or free.
// The queue must not be empty.
func (q *queue) next() []byte {
	if p := q.first; q.off == len(p.b) {
		q.first, q.off = p.next, 0
		p.free()
	}
	size, n := binary.Uvarint(q.first.b[q.off:])
	start := q.off + n
	q.off = start + int(size)
	return q.first.b[start:q.off:q.off]
}

// free drops the content of the queue, and its memory.
func (q *queue) free() {
	for p := q.first; p != nil; {
		next := p.next
		p.free()
		p = next
	}
	*q = queue{}
}
