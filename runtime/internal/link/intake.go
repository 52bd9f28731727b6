package link

import (
	"net"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// growAtOnce is what a claimed size may make us allocate; beyond that a buffer
// grows only as bytes arrive.
const growAtOnce = 128 << 10

// An intake is what has come from a connection and is not yet used.
type intake struct {
	raw net.Conn
	try tryReader // nil: raw cannot wait without a buffer

	buf  *buffer // nil while idle
	r, w int     // buf.b[r:w] has come and is not yet skipped
	hint int     // how large the next buffer had better be

	scratch *zmtp.Scratch // of who parses it, kept with the buffer
}

func (in *intake) init(raw net.Conn, scratch *zmtp.Scratch) {
	in.raw, in.scratch = raw, scratch
	in.try = newTryReader(raw)
}

// read waits for bytes. While the buffer is empty the wait needs none.
func (in *intake) read() (int, error) {
	if in.buf == nil {
		if in.try != nil {
			return in.try.read(in)
		}
		in.take()
	}
	return in.raw.Read(in.buf.b[in.w:])
}

func (in *intake) take() { in.takeSize(in.hint) }

func (in *intake) takeSize(n int) {
	in.buf = newBuffer(n)
	*in.scratch, in.buf.scratch = in.buf.scratch, zmtp.Scratch{}
	in.r, in.w = 0, 0
}

// drop gives the buffer back, and the scanner's memory with it: what waits
// needs neither.
func (in *intake) drop() {
	in.buf.scratch, *in.scratch = *in.scratch, zmtp.Scratch{}
	in.buf.free()
	in.buf = nil
}

// release gives the buffer back when nothing is in it.
func (in *intake) release() {
	if in.buf == nil || in.r < in.w {
		return
	}
	in.learn()
	in.r, in.w = 0, 0
	if in.try != nil || len(in.buf.b) > bufferSizes[0] {
		in.drop()
	}
}

// learn takes the next buffer to be small again after one that had no need to
// be large.
func (in *intake) learn() {
	if in.w <= bufferSizes[0] {
		in.hint = 0
	}
}

// makeRoom moves what has come to the front of the buffer, or to a larger one
// when need bytes in all are wanted.
func (in *intake) makeRoom(need int) {
	if in.buf == nil {
		return
	}
	have := in.w - in.r
	need = max(need, have+1)
	size := len(in.buf.b)
	if need <= size-in.r && in.w < size {
		return
	}
	if need > size {
		need = max(min(need, max(growAtOnce, 4*have)), have+have/2)
	}
	in.move(need)
}

// move moves what has come to the front of the buffer, or of one that has room
// for need bytes.
func (in *intake) move(need int) {
	have := in.w - in.r
	old := in.buf
	if need > len(old.b) {
		in.buf = newBuffer(need)
		in.hint = min(len(in.buf.b), bufferSizes[1])
	}
	copy(in.buf.b, old.b[in.r:in.w])
	in.r, in.w = 0, have
	if in.buf != old {
		old.scratch, in.buf.scratch = in.buf.scratch, zmtp.Scratch{}
		old.free()
	}
}

// reserve makes room for n bytes behind what has come.
func (in *intake) reserve(n int) {
	if in.buf == nil {
		in.takeSize(max(n, in.hint))
	}
	if n <= len(in.buf.b)-in.w {
		return
	}
	have := in.w - in.r
	need := have + n
	if need > len(in.buf.b) {
		need = max(need, have+have/2)
	}
	in.move(need)
}

// detach gives the buffer away and takes what is not yet skipped along to a new
// one.
func (in *intake) detach() *buffer {
	in.learn()
	old := in.buf
	if in.r < in.w {
		in.buf = newBuffer(max(in.w-in.r, in.hint))
		in.w = copy(in.buf.b, old.b[in.r:in.w])
	} else {
		in.buf, in.w = nil, 0
	}
	in.r = 0
	return old
}
