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
// the largest that is reused. A body that takes more than half of such a size gets
// a piece that ends at the next quarter between two powers.
const (
	firstPiece = 12
	morePiece  = 17
	maxPiece   = 20
	quarters   = 4
)

var pieces [(maxPiece + 1) * quarters]sync.Pool // by pieceClass

// pieceClass returns the index in pieces of the pieces that have room for size, and
// their size. A size is at least half that of a first piece.
func pieceClass(size int) (class, room int) {
	power := bits.Len(uint(size - 1))
	half := 1 << power / 2
	step := half / quarters
	n := (size - half + step - 1) / step // 1 to quarters
	return power*quarters + n - 1, half + n*step
}

// newPiece returns an empty piece that has room for size, and for more where power
// says at least twice as much.
func newPiece(size, power int) *piece {
	if 2*size <= 1<<power {
		size = 1 << power
	}
	class, room := pieceClass(size)
	if class >= len(pieces) {
		return &piece{b: make([]byte, 0, size)}
	}
	if p, ok := pieces[class].Get().(*piece); ok {
		return p
	}
	return &piece{b: make([]byte, 0, room)}
}

// free lets the memory be used again.
func (p *piece) free() {
	class, room := pieceClass(cap(p.b))
	if class >= len(pieces) || room != cap(p.b) {
		return
	}
	p.b, p.next = p.b[:0], nil
	pieces[class].Put(p)
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
