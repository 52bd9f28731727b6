package link

import (
	"net"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// growAtOnce is how much memory is allocated for a claimed size. Beyond it a buffer
// grows only as bytes arrive.
const growAtOnce = 128 << 10

// A readBuffer holds bytes that were read from a connection and not yet parsed.
type readBuffer struct {
	raw net.Conn
	try tryReader // nil: raw cannot wait without a buffer

	buf  *buffer // nil while idle
	r, w int     // buf.b[r:w] was read but not yet skipped
	hint int     // the size that the next buffer should have

	scratch *zmtp.Scratch // of the parser, kept with the buffer
}

func (rb *readBuffer) init(raw net.Conn, scratch *zmtp.Scratch) {
	rb.raw, rb.scratch = raw, scratch
	rb.try = newTryReader(raw)
}

// read waits for bytes. While the buffer is empty the wait needs none.
func (rb *readBuffer) read() (int, error) {
	if rb.buf == nil {
		if rb.try != nil {
			return rb.try.read(rb)
		}
		rb.take()
	}
	return rb.raw.Read(rb.buf.b[rb.w:])
}

func (rb *readBuffer) take() { rb.takeSize(rb.hint) }

func (rb *readBuffer) takeSize(n int) {
	rb.buf = newBuffer(n)
	*rb.scratch, rb.buf.scratch = rb.buf.scratch, zmtp.Scratch{}
	rb.r, rb.w = 0, 0
}

// drop frees the buffer, and the parser's memory with it: a connection that waits
// needs neither.
func (rb *readBuffer) drop() {
	rb.buf.scratch, *rb.scratch = *rb.scratch, zmtp.Scratch{}
	rb.buf.free()
	rb.buf = nil
}

// release frees the buffer if it is empty.
func (rb *readBuffer) release() {
	if rb.buf == nil || rb.r < rb.w {
		return
	}
	rb.learn()
	rb.r, rb.w = 0, 0
	if rb.try != nil || len(rb.buf.b) > bufferSizes[0] {
		rb.drop()
	}
}

// learn makes the next buffer small again after one that was larger than it
// needed to be.
func (rb *readBuffer) learn() {
	if rb.w <= bufferSizes[0] {
		rb.hint = 0
	}
}

// makeRoom moves the unparsed bytes to the front of the buffer, or to a larger
// one if it cannot hold need bytes.
func (rb *readBuffer) makeRoom(need int) {
	if rb.buf == nil {
		return
	}
	if need, fits := rb.wanted(need); !fits {
		rb.move(need)
	}
}

// wanted returns the size that the buffer needs for need bytes in all, and whether
// at least some of them fit after the unparsed ones without a change.
func (rb *readBuffer) wanted(need int) (size int, fits bool) {
	have := rb.w - rb.r
	need = max(need, have+1)
	size = len(rb.buf.b)
	if need <= size-rb.r && rb.w < size {
		return size, true
	}
	if need > size {
		need = max(min(need, max(growAtOnce, 4*have)), have+have/2)
	}
	return need, false
}

// grown returns the memory of the buffer after makeRoom.
func (rb *readBuffer) grown(need int) int {
	if rb.buf == nil {
		return 0
	}
	need, _ = rb.wanted(need)
	return max(len(rb.buf.b), bufferSize(need))
}

// size returns the memory of the buffer.
func (rb *readBuffer) size() int {
	if rb.buf == nil {
		return 0
	}
	return len(rb.buf.b)
}

// abandon frees the buffer with its content.
func (rb *readBuffer) abandon() {
	if rb.buf != nil {
		rb.r, rb.w = 0, 0
		rb.drop()
	}
}

// move moves the unparsed bytes to the front of the buffer, or of another one
// that has room for need bytes.
func (rb *readBuffer) move(need int) {
	have := rb.w - rb.r
	old := rb.buf
	if need > len(old.b) {
		rb.buf = newBuffer(need)
		rb.hint = min(len(rb.buf.b), bufferSizes[1])
	}
	copy(rb.buf.b, old.b[rb.r:rb.w])
	rb.r, rb.w = 0, have
	if rb.buf != old {
		old.scratch, rb.buf.scratch = rb.buf.scratch, zmtp.Scratch{}
		old.free()
	}
}

// reserve makes room for n bytes after the unparsed ones.
func (rb *readBuffer) reserve(n int) {
	if rb.buf == nil {
		rb.takeSize(max(n, rb.hint))
	}
	if n <= len(rb.buf.b)-rb.w {
		return
	}
	have := rb.w - rb.r
	need := have + n
	if need > len(rb.buf.b) {
		need = max(need, have+have/2)
	}
	rb.move(need)
}

// detach returns the buffer, which the caller then owns, and moves the bytes
// that were not skipped to a new one.
func (rb *readBuffer) detach() *buffer {
	rb.learn()
	old := rb.buf
	if rb.r < rb.w {
		rb.buf = newBuffer(max(rb.w-rb.r, rb.hint))
		rb.w = copy(rb.buf.b, old.b[rb.r:rb.w])
	} else {
		rb.buf, rb.w = nil, 0
	}
	rb.r = 0
	return old
}
